//! The floors: the time that the machine needs for the work itself, without our code.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
};

use tempo_message::Digest;

/// Writes files beside a directory and renames them into it.
#[derive(Debug)]
pub(crate) struct Staged {
    staging: PathBuf,
    target: PathBuf,
    number: u64,
}

impl Staged {
    /// Creates two directories in this one.
    pub(crate) fn new(dir: &Path) -> Self {
        let (staging, target) = (dir.join("staging"), dir.join("target"));
        fs::create_dir(&staging).expect("the volume has room");
        fs::create_dir(&target).expect("the volume has room");
        Self { staging, target, number: 0 }
    }

    /// D1: stages, writes, syncs, renames, and syncs the directory.
    pub(crate) fn durable(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, true)?;
        File::open(&self.target)?.sync_all()
    }

    /// N1: stages, writes, and renames.
    pub(crate) fn unsynced(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes, false)
    }

    fn put(&mut self, bytes: &[u8], synced: bool) -> io::Result<()> {
        self.number += 1;
        let name = format!("{:016x}", self.number);
        let staged = self.staging.join(&name);
        let mut file = File::create_new(&staged)?;
        file.write_all(bytes)?;
        if synced {
            file.sync_all()?;
        }
        fs::rename(&staged, self.target.join(&name))
    }
}

/// Reads the status of directories that are open already. Returns the sum of their times, so that the
/// compiler cannot drop a call.
pub(crate) fn stat_each(opened: &[File]) -> i64 {
    opened.iter().map(changed_at).sum()
}

#[cfg(unix)]
fn changed_at(dir: &File) -> i64 {
    rustix::fs::fstat(dir).expect("it is there").st_mtime
}

#[cfg(not(unix))]
fn changed_at(dir: &File) -> i64 {
    i64::from(dir.metadata().expect("it is there").is_dir())
}

/// Opens, reads and digests every file of some directories with several threads; returns the number of files.
pub(crate) fn read_and_digest(directories: &[PathBuf], threads: usize) -> usize {
    thread::scope(|scope| {
        let shares = (0..threads).map(|share| {
            // If there are more threads than directories, several threads share one.
            let whole = (threads / directories.len()).max(1);
            let mine = directories.iter().skip(share / whole).step_by((threads / whole).max(1));
            scope.spawn(move || mine.map(|dir| read_share(dir, share % whole, whole)).sum::<usize>())
        });
        let running: Vec<_> = shares.collect();
        running.into_iter().map(|thread| thread.join().expect("the files can be read")).sum()
    })
}

/// Reads every `whole`-th file of a directory.
#[cfg(unix)]
fn read_share(dir: &Path, share: usize, whole: usize) -> usize {
    use std::io::Read;

    use rustix::fs::{Dir, Mode, OFlags, open, openat};

    let handle = open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).expect("it is there");
    let names: Vec<_> =
        Dir::read_from(&handle).expect("it is there").map(|entry| entry.expect("it is there")).collect();
    let names = names.iter().map(rustix::fs::DirEntry::file_name).filter(|name| name.to_bytes()[0] != b'.');
    let mut buffer = vec![0; 64 * 1024];
    let mut read = 0;
    for name in names.skip(share).step_by(whole) {
        let file = openat(&handle, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).expect("it is there");
        let len = File::from(file).read(&mut buffer).expect("it can be read");
        check_frame(&buffer[..len]);
        read += 1;
    }
    read
}

#[cfg(not(unix))]
fn read_share(dir: &Path, share: usize, whole: usize) -> usize {
    let paths = fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("it is there").path());
    let mine = paths.skip(share).step_by(whole);
    mine.map(|path| check_frame(&fs::read(path).expect("it can be read"))).count()
}

/// Reads packs as streams, digests every message, and merges the authors' runs into one order; returns the
/// number of messages.
pub(crate) fn read_packs(directories: &[PathBuf]) -> usize {
    let mut runs: Vec<Vec<(u64, usize)>> = Vec::new();
    for (author, dir) in directories.iter().enumerate() {
        let mut run = Vec::new();
        each_frame(dir, |frame| run.push((time_of(frame), author)));
        runs.push(run);
    }
    merged(&runs).len()
}

/// Reads the packs of one author in order, and hands over each frame once its digest is checked.
pub(crate) fn each_frame(dir: &Path, mut take: impl FnMut(&[u8])) {
    let entries = fs::read_dir(dir).expect("it is there");
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.expect("it is there").path()).collect();
    names.sort_unstable();
    for path in names {
        let bytes = fs::read(path).expect("it can be read");
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (frame, more) = rest.split_at(frame_len(rest));
            check_frame(frame);
            take(frame);
            rest = more;
        }
    }
}

/// Merges runs that are each in order.
fn merged(runs: &[Vec<(u64, usize)>]) -> Vec<(u64, usize)> {
    let mut order = Vec::with_capacity(runs.iter().map(Vec::len).sum());
    let mut heads: Vec<_> = runs.iter().map(|run| run.iter().peekable()).collect();
    loop {
        let next = heads.iter_mut().enumerate().filter_map(|(at, run)| run.peek().map(|&&first| (first, at))).min();
        let Some((first, at)) = next else { return order };
        heads[at].next();
        order.push(first);
    }
}

/// Returns the length of the frame that begins here.
fn frame_len(bytes: &[u8]) -> usize {
    let header = u16::from_le_bytes([bytes[6], bytes[7]]);
    let payload = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    12 + usize::from(header) + payload as usize + Digest::LEN
}

fn check_frame(frame: &[u8]) {
    let (content, digest) = frame.split_at(frame.len() - Digest::LEN);
    assert_eq!(Digest::of(content).as_bytes(), digest, "the bytes are those that were written");
}

/// Returns the bytes of the author's identifier. A byte with its length comes before.
pub(crate) fn author_of(frame: &[u8]) -> &[u8] {
    &frame[13..29]
}

/// Reads the logical time of a frame: it follows the author's length and bytes, the counter, and the kind.
fn time_of(frame: &[u8]) -> u64 {
    let mut rest = &frame[12 + 17..];
    number(&mut rest);
    rest = &rest[1..];
    number(&mut rest)
}

/// Reads a number of variable length, with seven bits in each byte.
fn number(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::{History, write_files, write_packs},
        ours::directories,
    };

    #[test]
    fn floors_read_everything_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (files, packs) = (dir.path().join("files"), dir.path().join("packs"));
        fs::create_dir(&files).unwrap();
        fs::create_dir(&packs).unwrap();
        write_files(&files, 500);
        write_packs(&packs, &mut History::new(), 500);
        for threads in [1, 2, 4, 16] {
            assert_eq!(read_and_digest(&directories(&files), threads), 500, "{threads} threads");
        }
        assert_eq!(read_packs(&directories(&packs)), 500);
    }

    #[test]
    fn the_fields_of_a_frame_are_where_they_are_expected() {
        for frame in History::new().take(300) {
            assert_eq!(time_of(frame.bytes()), frame.message().lamport.0);
            assert_eq!(author_of(frame.bytes()), frame.id().author.uuid().as_bytes());
            assert_eq!(frame_len(frame.bytes()), frame.bytes().len());
        }
    }
}
