#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod format;
mod fs;
mod inspect;
mod local;
mod options;
mod publish;
mod read;
mod scan;
mod split;
mod transport;
mod watch;

pub use error::OpenError;
pub use format::known::temporary;
pub use format::name::{DirName, FileName, printable};
pub use fs::port::{Fs, Heritage, Identity, Reach, Stat, Version, Volume, Watch};
pub use fs::real::RealFs;
pub use inspect::service::sync_service;
pub use inspect::strays::{Stray, Strays};
pub use inspect::survey::Survey;
pub use local::fingerprint::Fingerprint;
pub use local::home::Home;
pub use local::installation::{Belonging, Installation};
pub use local::original::Original;
pub use local::spelling::Spelling;
pub use local::state_file::InstallationError;
pub use options::Options;
pub use split::decisions::{Decision, DecisionError, Decisions};
pub use transport::FsTransport;
pub use watch::signal::{Hints, Signal};
