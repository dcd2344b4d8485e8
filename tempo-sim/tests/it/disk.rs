//! The folder transport keeps its contract on the simulated disk as it does on a real one.

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::conformance::Arena;
use tempo_sim::{
    Disk, DiskOptions, Rng,
    disk::{Naming, SimFs},
};

struct OneDisk(Disk);

impl Arena for OneDisk {
    type Transport = FsTransport<SimFs>;

    fn member(&self) -> FsTransport<SimFs> {
        let mut options = Options::default();
        options.staging = Some(Disk::STAGING.into());
        FsTransport::open_on(self.0.fs(), Disk::FOLDER.as_ref(), &options).unwrap()
    }
}

mod usual {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(DiskOptions::default(), Rng::new(1))));
}

mod odd {
    use super::*;

    tempo_message::conformance_suite!(OneDisk(Disk::new(
        DiskOptions {
            staging_elsewhere: true,
            naming: Naming { folds_case: true, decomposes: true },
            looks_before_renaming: true,
            granularity: std::time::Duration::from_secs(2),
            lost_hints: 1000,
            ..DiskOptions::default()
        },
        Rng::new(2)
    )));
}
