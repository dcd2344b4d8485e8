//! For diagnosis only.

pub(crate) mod service;
pub(crate) mod strays;
pub(crate) mod survey;
