//! Bounded, untrusted reading of files, on threads that may block.

pub(crate) mod buffer;
pub(crate) mod calls;
pub(crate) mod collect;
pub(crate) mod file;
pub(crate) mod hatch;
pub(crate) mod lanes;
pub(crate) mod merge;
pub(crate) mod offload;
pub(crate) mod reader;
