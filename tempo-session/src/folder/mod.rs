//! Sessions over a folder.

pub(crate) mod builder;
mod installed;
pub(crate) mod known;
