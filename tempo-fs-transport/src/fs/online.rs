//! The marks of files whose content is not on this machine. Compiled everywhere, so that they are
//! tested everywhere.

#![allow(dead_code, reason = "each system uses its own part")]

/// Apple: the flag of a file that the system fetches when it is read.
const DATALESS: u32 = 0x4000_0000;
/// Windows: moved to other storage.
const OFFLINE: u32 = 0x1000;
/// Windows: opening fetches the content.
const RECALL_ON_OPEN: u32 = 0x4_0000;
/// Windows: reading fetches the content.
const RECALL_ON_DATA_ACCESS: u32 = 0x40_0000;

/// Returns whether the flags of Apple's `stat` say so.
pub(crate) fn by_flags(flags: u32) -> bool {
    flags & DATALESS != 0
}

/// Returns whether the attributes of a Windows directory entry say so. A reparse point alone proves
/// nothing: files that are here have one too.
pub(crate) fn by_attributes(attributes: u32) -> bool {
    attributes & (OFFLINE | RECALL_ON_OPEN | RECALL_ON_DATA_ACCESS) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apple() {
        const COMPRESSED: u32 = 0x20;
        const HIDDEN: u32 = 0x8000;
        for (flags, is_online_only) in
            [(0, false), (COMPRESSED, false), (HIDDEN, false), (DATALESS, true), (DATALESS | COMPRESSED, true)]
        {
            assert_eq!(by_flags(flags), is_online_only, "{flags:#x}");
        }
    }

    #[test]
    fn windows() {
        const ARCHIVE: u32 = 0x20;
        const SPARSE: u32 = 0x200;
        const REPARSE_POINT: u32 = 0x400;
        const PINNED: u32 = 0x8_0000;
        const UNPINNED: u32 = 0x10_0000;
        for (attributes, is_online_only) in [
            (ARCHIVE, false),
            (ARCHIVE | REPARSE_POINT, false),
            (ARCHIVE | REPARSE_POINT | PINNED, false),
            (ARCHIVE | REPARSE_POINT | UNPINNED, false),
            (ARCHIVE | SPARSE | REPARSE_POINT | OFFLINE | RECALL_ON_DATA_ACCESS | UNPINNED, true),
            (RECALL_ON_DATA_ACCESS, true),
            (RECALL_ON_OPEN, true),
            (OFFLINE, true),
        ] {
            assert_eq!(by_attributes(attributes), is_online_only, "{attributes:#x}");
        }
    }
}
