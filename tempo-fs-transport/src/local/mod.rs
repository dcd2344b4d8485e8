//! Local state, outside every shared folder.

pub(crate) mod fingerprint;
pub(crate) mod home;
pub(crate) mod installation;
pub(crate) mod known;
pub(crate) mod local_file;
pub(crate) mod original;
pub(crate) mod outside;
pub(crate) mod shelf;
pub(crate) mod spelling;
pub(crate) mod state_file;
pub(crate) mod vault;
