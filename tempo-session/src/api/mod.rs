//! The interface of a session for applications.

pub(crate) mod attaching;
pub(crate) mod components;
pub(crate) mod cursor;
pub(crate) mod downloads;
pub(crate) mod events;
pub(crate) mod exporting;
pub(crate) mod files;
#[cfg(feature = "json")]
pub(crate) mod history;
#[cfg(feature = "json")]
pub(crate) mod history_report;
pub(crate) mod names;
pub(crate) mod packing;
pub(crate) mod relaying;
pub(crate) mod replica;
pub(crate) mod retiring;
pub(crate) mod session;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod timeline;
pub(crate) mod typed;
