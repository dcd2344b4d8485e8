//! Sessions over a folder.

pub(crate) mod builder;
mod installed;
