//! The item that a name announces, as reports give it.

use std::ffi::OsStr;

use tempo_message::Item;

use crate::format::name::{DirName, FileName};

/// Reads a name, by its bytes alone.
pub(crate) fn item(name: &OsStr) -> Item {
    match FileName::parse(name) {
        FileName::Message(first) => Item::Messages { first, last: first },
        FileName::Pack(first, last) => Item::Messages { first, last },
        FileName::Copy(first) => Item::Copy { first },
        // A placeholder that names only the first counter does not tell the last one.
        FileName::Placeholder(first, u64::MAX) => Item::Placeholder { first, last: first },
        FileName::Placeholder(first, last) => Item::Placeholder { first, last },
        FileName::Head => Item::Head,
        FileName::Staged | FileName::Misspelled | FileName::Foreign => {
            DirName::parse(name).author().map_or(Item::Other, Item::Directory)
        }
    }
}
