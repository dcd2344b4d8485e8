//! The names of the format: directories, files, what services and programs make of them. Pure.

pub(crate) mod item;
pub(crate) mod known;
pub(crate) mod name;
pub(crate) mod part;
pub(crate) mod spelling;
pub(crate) mod split;
