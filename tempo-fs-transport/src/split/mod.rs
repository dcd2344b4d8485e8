//! The directories beside the session folder: parts of the session, copies of it, other sessions.

pub(crate) mod contents;
pub(crate) mod decisions;
pub(crate) mod neighbors;
pub(crate) mod parts;
pub(crate) mod relation;
