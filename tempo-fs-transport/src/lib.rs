#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod calls;
mod door;
mod error;
mod examine;
mod fingerprint;
mod folder;
mod fs;
mod hatch;
mod home;
mod installation;
mod known;
mod list;
mod merge;
mod name;
mod notes;
mod offload;
mod online;
mod pieces;
mod place;
mod publish;
mod reads;
mod real;
mod redundant;
mod service;
mod signal;
mod split;
mod strays;
mod survey;
mod telling;
mod thin;
mod transport;
mod work;

pub use error::OpenError;
pub use fingerprint::Fingerprint;
pub use fs::{Fs, Identity, Stat, Version, Watch};
pub use home::Home;
pub use installation::{Installation, InstallationError};
pub use known::temporary;
pub use name::{DirName, FileName, printable, printable_text};
pub use real::RealFs;
pub use service::sync_service;
pub use signal::{Hints, Signal};
pub use strays::Stray;
pub use survey::{Survey, Volume};
pub use transport::{FsTransport, Options};
