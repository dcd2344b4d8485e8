//! Bounded, untrusted reading of files, on threads that may block.

pub(crate) mod buffer;
pub(crate) mod collect;
pub(crate) mod file;
pub(crate) mod lanes;
pub(crate) mod merge;
pub(crate) mod reader;
