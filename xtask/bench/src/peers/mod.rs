//! Other software for the same work.

pub(crate) mod maildir;
pub(crate) mod redb;
pub(crate) mod sqlite;

use bytes::Bytes;

/// A store that keeps messages in order.
pub(crate) trait Peer {
    /// Stores messages in one commit, as durably as the peer can.
    fn put_all(&mut self, payloads: &[Bytes]);

    /// Reads every message in order; returns the number of bytes.
    fn read_all(&self) -> usize;

    /// Reads the last messages; returns the number of bytes.
    fn read_last(&self, messages: usize) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::{History, PAYLOAD, payload, write_packs},
        ours,
    };

    #[test]
    fn peers_return_the_messages_that_they_stored() {
        let dir = tempfile::tempdir().unwrap();
        let peers: [Box<dyn Peer>; 3] = [
            Box::new(sqlite::Sqlite::create(&dir.path().join("sqlite"), sqlite::Synchronous::Full)),
            Box::new(redb::Redb::create(&dir.path().join("redb"))),
            Box::new(maildir::Maildir::create(&dir.path().join("maildir"))),
        ];
        for mut peer in peers {
            peer.put_all(&[payload(0)]);
            peer.put_all(&(1..100).map(payload).collect::<Vec<_>>());
            assert_eq!(peer.read_all(), 100 * PAYLOAD);
            assert_eq!(peer.read_last(50), 50 * PAYLOAD);
        }
    }

    #[test]
    fn sqlite_keeps_every_frame_of_the_packs() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("packs");
        std::fs::create_dir(&folder).unwrap();
        write_packs(&folder, &mut History::new(), 500);
        let mut database = sqlite::Sqlite::create(&dir.path().join("sqlite"), sqlite::Synchronous::Full);
        assert_eq!(database.insert_packs(&ours::directories(&folder)), 500);
        let frames: usize = History::new().take(500).map(|frame| frame.bytes().len()).sum();
        assert_eq!(database.read_all(), frames);
    }
}
