//! The local memory of an installation: every frame sent or received, outside the shared folder.

pub(crate) mod contract;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod marks;
pub(crate) mod memory;
pub(crate) mod overlay;
pub(crate) mod reader;
pub(crate) mod redb;
pub(crate) mod runs;

/// What a [`RedbStore`] can be put on instead of a file.
pub use ::redb::StorageBackend;
pub use contract::{Origin, Record, Restored, Store};
pub use error::StoreError;
pub use marks::{Absent, Marks, OwnAuthor, Packed};
pub use memory::MemoryStore;
pub use reader::RedbReader;
pub use redb::RedbStore;
