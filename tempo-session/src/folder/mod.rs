//! A session over a folder.

pub(crate) mod builder;
