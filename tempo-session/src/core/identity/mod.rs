//! The identity of this installation, and what other authors say about themselves.

pub(crate) mod authors;
pub(crate) mod conflict;
pub(crate) mod heads;
pub(crate) mod retirements;
pub(crate) mod successions;
pub(crate) mod vouching;
