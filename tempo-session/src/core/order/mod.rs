//! The accepted messages, and those that wait: what the order is made of.

pub(crate) mod chunked;
pub(crate) mod header;
pub(crate) mod held;
pub(crate) mod ledger;
pub(crate) mod timeline;
pub(crate) mod tips;
