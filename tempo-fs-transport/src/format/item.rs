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
        FileName::Files | FileName::Staged | FileName::Misspelled | FileName::Foreign => {
            DirName::parse(name).author().map_or(Item::Other, Item::Directory)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_announces_messages_or_a_directory() {
        let of = |name: &str| item(OsStr::new(name));
        assert_eq!(of("000000000000000a"), Item::Messages { first: 10, last: 10 });
        assert_eq!(of("0000000000000001-0000000000000040"), Item::Messages { first: 1, last: 64 });
        assert_eq!(of("000000000000000a (1)"), Item::Copy { first: 10 });
        assert_eq!(of("000000000000000a.nextcloud").counters(), Some(10..=10));
        assert_eq!(of("head (Ana)"), Item::Head);
        let author = "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f";
        assert_eq!(of(&format!("{author} (1)")).directory(), author.parse().ok());
        assert_eq!(of("notes.txt"), Item::Other);
    }
}
