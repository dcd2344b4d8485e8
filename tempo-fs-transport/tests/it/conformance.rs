//! The contract of transports on real directories: with and without hints, with staging outside and inside
//! the folder.

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::conformance::Arena;

use crate::support::{Session, unwatched};

struct Folder {
    session: Session,
    watched: bool,
    staging_outside: bool,
}

impl Arena for Folder {
    type Transport = FsTransport;

    fn member(&self) -> FsTransport {
        let mut options = if self.watched { Options::default() } else { unwatched() };
        if self.staging_outside {
            let staging = tempfile::tempdir_in(self.session.dir.path()).unwrap();
            options.staging = Some(staging.keep());
        }
        FsTransport::open(&self.session.folder, &options).unwrap()
    }
}

mod watched {
    use super::*;

    tempo_message::conformance_suite!(Folder { session: Session::new(), watched: true, staging_outside: true });
}

mod parts {
    use super::*;

    tempo_message::conformance_suite!(parts: Folder { session: Session::new(), watched: true, staging_outside: true });
}

mod parts_staged_inside {
    use super::*;

    tempo_message::conformance_suite!(parts: Folder { session: Session::new(), watched: false, staging_outside: false });
}

mod polled {
    use super::*;

    tempo_message::conformance_suite!(Folder { session: Session::new(), watched: false, staging_outside: false });
}
