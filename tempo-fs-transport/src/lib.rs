#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod format;
mod fs;
mod inspect;
mod local;
mod options;
mod parts;
mod publish;
mod read;
mod scan;
mod split;
mod transport;
mod watch;

// The transport.
pub use error::OpenError;
pub use options::Options;
pub use transport::FsTransport;

// Names in a folder, for reports and simulated services.
pub use format::{
    known::temporary,
    name::{DirName, FileName, printable},
};

// The port, for simulated file systems, and the file system of the machine, for the local state of a session.
pub use fs::{
    port::{Fs, Heritage, Identity, Reach, Stat, Volume, Watch},
    real::RealFs,
};
pub use watch::signal::{Hints, Signal};

// Local state: which installation belongs to a folder, and whether either was copied.
pub use local::{
    fingerprint::Fingerprint,
    home::Home,
    installation::{Belonging, Installation},
    known::Extent,
    local_file::LocalFile,
    original::Original,
    outside::{NewFile, open_outside},
    shelf::FileShelf,
    spelling::Spelling,
    state_file::InstallationError,
    vault::{FileVault, Vault},
};
pub use split::decisions::{Decision, DecisionError, Decisions};

// Diagnosis.
pub use inspect::{
    service::sync_service,
    strays::{Stray, Strays},
    survey::Survey,
};
