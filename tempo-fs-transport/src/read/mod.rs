//! Bounded, untrusted reading of files, on threads that may block.

pub(crate) mod collect;
pub(crate) mod file;
pub(crate) mod merge;
pub(crate) mod reader;
