//! What runs a session: the state behind one lock, the store, and the driver that moves messages.

pub(crate) mod audit;
pub(crate) mod driver;
pub(crate) mod feed;
pub(crate) mod keeper;
pub(crate) mod minting;
pub(crate) mod noticing;
pub(crate) mod opening;
pub(crate) mod pace;
pub(crate) mod packing;
pub(crate) mod paging;
pub(crate) mod preview;
pub(crate) mod publishing;
pub(crate) mod relaying;
pub(crate) mod restoring;
pub(crate) mod saving;
pub(crate) mod shared;
