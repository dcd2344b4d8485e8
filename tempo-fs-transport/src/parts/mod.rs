//! The parts of files: small directories of large files, beside the messages of their authors.

pub(crate) mod handle;
mod place;
mod put;
mod search;
pub(crate) mod site;
