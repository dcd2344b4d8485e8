//! Files that travel with messages: what a message says of them, and the pieces in which they lie in a folder.

pub(crate) mod hasher;
pub(crate) mod id;
pub(crate) mod manifest;
pub(crate) mod named;
pub(crate) mod part;
pub(crate) mod release;
pub(crate) mod wire;
