//! The local memory of an installation: every frame sent or received, outside the shared folder.

pub(crate) mod contract;
pub(crate) mod error;
#[cfg(feature = "folder")]
pub(crate) mod file_rows;
pub(crate) mod files;
#[cfg(feature = "folder")]
pub(crate) mod handle;
pub(crate) mod marks;
#[cfg(feature = "folder")]
pub(crate) mod medium;
pub(crate) mod memory;
pub(crate) mod memory_shelf;
pub(crate) mod outside;
#[cfg(feature = "folder")]
pub(crate) mod overlay;
pub(crate) mod pieces;
#[cfg(feature = "folder")]
pub(crate) mod reader;
#[cfg(feature = "folder")]
pub(crate) mod redb;
pub(crate) mod room;
#[cfg(feature = "folder")]
pub(crate) mod runs;
pub(crate) mod shelf;

pub use contract::{Origin, Record, Restored, Store};
pub use error::StoreError;
pub use files::{Content, FileRecord};
pub use marks::{Absent, Marks, OwnAuthor, Packed};
#[cfg(feature = "folder")]
pub use medium::Medium;
pub use memory::MemoryStore;
pub use memory_shelf::MemoryShelf;
#[cfg(feature = "folder")]
pub use outside::MachineFiles;
pub use outside::{Exported, NoFiles, Original, Outside, Target};
#[cfg(feature = "folder")]
pub use reader::RedbReader;
#[cfg(feature = "folder")]
pub use redb::RedbStore;
pub use shelf::{Shelf, Staged, Stored};
