//! The free space that files leave to messages.

use std::io;

use thiserror::Error;

/// There is too little free space for the content of a file. Messages still find room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "only {} MiB are free here; a file needs {} MiB of the space beyond the {} MiB that files leave free",
    mebibytes(*free),
    mebibytes(needed.saturating_add(MIB - 1)),
    mebibytes(*reserve)
)]
pub struct NoRoom {
    /// The number of free bytes.
    pub free: u64,
    /// The number of bytes that files leave free.
    pub reserve: u64,
    /// The number of bytes that were to be written.
    pub needed: u64,
}

const MIB: u64 = 1024 * 1024;

impl NoRoom {
    /// Checks that `needed` bytes can be written, and `reserve` bytes stay free. Where the system does not say how much
    /// is free, everything can be written.
    pub(crate) fn check(free: Option<u64>, reserve: u64, needed: u64) -> Result<(), Self> {
        match free {
            Some(free) if free.saturating_sub(reserve) < needed => Err(Self { free, reserve, needed }),
            _ => Ok(()),
        }
    }
}

impl From<NoRoom> for io::Error {
    fn from(no_room: NoRoom) -> Self {
        Self::new(io::ErrorKind::StorageFull, no_room)
    }
}

fn mebibytes(bytes: u64) -> u64 {
    bytes / MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_stays_free() {
        assert_eq!(NoRoom::check(Some(1000), 400, 600), Ok(()));
        assert_eq!(NoRoom::check(Some(999), 400, 600), Err(NoRoom { free: 999, reserve: 400, needed: 600 }));
        assert_eq!(NoRoom::check(Some(100), 400, 0), Ok(()), "nothing is written");
        assert!(NoRoom::check(Some(0), 0, 1).is_err());
        assert_eq!(NoRoom::check(None, u64::MAX, u64::MAX), Ok(()));
        let no_room = NoRoom { free: 300 * MIB, reserve: 256 * MIB, needed: 64 * MIB + 1 };
        assert_eq!(
            no_room.to_string(),
            "only 300 MiB are free here; a file needs 65 MiB of the space beyond the 256 MiB that files leave free"
        );
        assert_eq!(io::Error::from(no_room).kind(), io::ErrorKind::StorageFull);
    }
}
