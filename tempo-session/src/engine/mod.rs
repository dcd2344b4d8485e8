//! The engine of a session: the state behind one lock, the store, and the driver that moves
//! messages.

pub(crate) mod audit;
pub(crate) mod carrier;
pub(crate) mod commit;
pub(crate) mod driver;
pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod fetching;
pub(crate) mod files;
pub(crate) mod filing;
pub(crate) mod heading;
pub(crate) mod heard;
pub(crate) mod identity;
pub(crate) mod keeper;
pub(crate) mod lifecycle;
pub(crate) mod link;
pub(crate) mod notices;
pub(crate) mod outbox;
pub(crate) mod packing;
pub(crate) mod publishing;
pub(crate) mod receiving;
pub(crate) mod refresh;
pub(crate) mod relayed;
pub(crate) mod relaying;
pub(crate) mod removing;
pub(crate) mod request;
pub(crate) mod resume;
pub(crate) mod seeking;
pub(crate) mod sending;
pub(crate) mod shared;
pub(crate) mod snapshots;
pub(crate) mod state;
pub(crate) mod succession;
pub(crate) mod trace;
pub(crate) mod turn;
pub(crate) mod unsaved;
pub(crate) mod wakeup;

#[cfg(test)]
mod tests;
