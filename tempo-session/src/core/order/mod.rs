//! The order of messages: those that are accepted, and those that wait.

pub(crate) mod chunked;
pub(crate) mod header;
pub(crate) mod held;
pub(crate) mod ledger;
pub(crate) mod timeline;
pub(crate) mod tips;
