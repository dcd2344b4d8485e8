//! A maildir: each message is a file, written to `tmp`, synced, renamed to `new`, and sorted by name.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::Peer;

/// The two directories of a mailbox that matter here.
#[derive(Debug)]
pub(crate) struct Maildir {
    tmp: PathBuf,
    new: PathBuf,
    next: u64,
}

impl Maildir {
    /// Creates a mailbox.
    pub(crate) fn create(dir: &Path) -> Self {
        let mailbox = Self::open(dir);
        fs::create_dir_all(&mailbox.tmp).expect("the volume has room");
        fs::create_dir_all(&mailbox.new).expect("the volume has room");
        mailbox
    }

    /// Opens an existing mailbox for reading.
    pub(crate) fn open(dir: &Path) -> Self {
        Self { tmp: dir.join("tmp"), new: dir.join("new"), next: 0 }
    }

    /// Adds messages without waiting for the disk.
    pub(crate) fn fill(&mut self, payloads: impl IntoIterator<Item = Bytes>) {
        for payload in payloads {
            let name = self.next_name();
            fs::write(self.new.join(name), payload).expect("the volume has room");
        }
    }

    fn next_name(&mut self) -> String {
        self.next += 1;
        format!("{:020}.M1P1.bench", self.next)
    }

    fn names(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.new).expect("it is there");
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.expect("it is there").path()).collect();
        names.sort_unstable();
        names
    }
}

impl Peer for Maildir {
    fn put_all(&mut self, payloads: &[Bytes]) {
        for payload in payloads {
            let name = self.next_name();
            let staged = self.tmp.join(&name);
            let mut file = File::create_new(&staged).expect("the volume has room");
            file.write_all(payload).and_then(|()| file.sync_all()).expect("the volume has room");
            fs::rename(&staged, self.new.join(&name)).expect("the volume has room");
        }
    }

    fn read_all(&self) -> usize {
        self.names().iter().map(|path| fs::read(path).expect("it is there").len()).sum()
    }

    fn read_last(&self, messages: usize) -> usize {
        self.names().iter().rev().take(messages).map(|path| fs::read(path).expect("it is there").len()).sum()
    }
}
