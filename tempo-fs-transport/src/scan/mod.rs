//! The session folder: which directories and files are there, and which of them are to be read.

pub(crate) mod author_dir;
pub(crate) mod findings;
pub(crate) mod folder;
pub(crate) mod listing;
pub(crate) mod placeholder;
pub(crate) mod report;
pub(crate) mod root;
pub(crate) mod watching;
