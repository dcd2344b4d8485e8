//! Messages as the members of one session would have written them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{CounterName, Frame, Kind, Message, MessageId, Pack, Parent, SecretKey, Sign};
use tempo_session::Packing;
use uuid::Uuid;

/// The bytes of every payload.
pub(crate) const PAYLOAD: usize = 256;
/// The number of authors.
pub(crate) const AUTHORS: usize = 4;

/// Whether authors sign. The members of a session do, and sign every message of a few; plain authors are there for
/// comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authors {
    Signed,
    Plain,
}

impl Authors {
    pub(crate) const BOTH: [Self; 2] = [Self::Signed, Self::Plain];

    /// Returns the name of a variant that these authors measure.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Signed => name.to_owned(),
            Self::Plain => format!("plain {name}"),
        }
    }
}

/// Authors that take turns. By default each writes one to seven messages, and the first message of a turn
/// names the last one of the previous turn. So a quarter of the messages has a parent, and there is one line
/// of history.
#[derive(Debug)]
pub(crate) struct History {
    authors: Vec<Author>,
    speaker: usize,
    left_in_turn: u64,
    last: Option<Parent>,
    time: u64,
    chance: u64,
    manner: Manner,
}

/// The manner of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Turns of one to seven messages.
    Turns,
    /// Turns of four messages, so that all authors write the same number.
    Fours,
    /// Turns of one message, so that every message has a parent.
    Alternating,
    /// Turns of one message without parents, so that no author's messages wait for another's.
    Deaf,
}

#[derive(Debug)]
struct Author {
    id: AuthorId,
    key: Option<SecretKey>,
    last: Option<Parent>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self::of(Manner::Turns)
    }

    pub(crate) fn of(manner: Manner) -> Self {
        Self::by(Authors::Signed, manner)
    }

    /// Returns the messages of authors that sign or do not.
    pub(crate) fn by(authors: Authors, manner: Manner) -> Self {
        Self::among(AUTHORS, authors, manner)
    }

    /// Returns the messages of any number of authors.
    pub(crate) fn among(count: usize, authors: Authors, manner: Manner) -> Self {
        let author = |number: usize| {
            let plain = Uuid::from_u128(0x7b0e_8e4e_3f53_4c36_9a7e_0d5a_4c1b_0000 + number as u128);
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
            let key = (authors == Authors::Signed).then(|| SecretKey::from_seed(&seed));
            let id = key.as_ref().map_or(AuthorId::new(plain), |key| key.key().author());
            Author { id, key, last: None }
        };
        Self {
            authors: (0..count).map(author).collect(),
            speaker: count - 1,
            left_in_turn: 0,
            last: None,
            time: 0,
            chance: 0x9e37_79b9_7f4a_7c15,
            manner,
        }
    }

    /// Returns the authors.
    pub(crate) fn authors(&self) -> Vec<AuthorId> {
        self.authors.iter().map(|author| author.id).collect()
    }

    /// Returns the next message.
    pub(crate) fn next_message(&mut self, kind: Kind, payload: Bytes) -> Frame {
        let begins_turn = self.left_in_turn == 0;
        if begins_turn {
            self.speaker = (self.speaker + 1) % self.authors.len();
            self.left_in_turn = match self.manner {
                Manner::Turns => self.draw() % 7 + 1,
                Manner::Fours => 4,
                Manner::Alternating | Manner::Deaf => 1,
            };
        }
        self.left_in_turn -= 1;
        self.time += 1;
        let hears = begins_turn && self.manner != Manner::Deaf;
        let author = &mut self.authors[self.speaker];
        let counter = author.last.map_or(1, |last| last.counter + 1);
        let message = Message {
            id: MessageId { author: author.id, counter },
            lamport: Lamport(if self.manner == Manner::Deaf { counter } else { self.time }),
            unix_ms: 1_764_000_000_000 + i64::try_from(self.time).unwrap_or(i64::MAX) * 1000,
            previous: author.last.map(|last| last.digest),
            parents: self.last.filter(|last| hears && last.author != author.id).into_iter().collect(),
            kind,
            key: author.key.as_ref().filter(|_| counter == 1).map(Sign::key),
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload,
        };
        let frame = author.key.as_ref().map_or_else(|| Frame::encode(&message), |key| Frame::sign(&message, key));
        let frame = frame.expect("it is a message");
        let itself = Parent { author: author.id, counter, digest: frame.digest() };
        author.last = Some(itself);
        self.last = Some(itself);
        frame
    }

    /// Returns a pseudorandom number that is the same in every run.
    fn draw(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

impl Iterator for History {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let payload = payload(self.time);
        Some(self.next_message(Kind::Payload, payload))
    }
}

/// Returns content that differs between any two messages.
pub(crate) fn payload(number: u64) -> Bytes {
    let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    word.iter().copied().cycle().take(PAYLOAD).collect::<Vec<u8>>().into()
}

/// Returns the path of a message that is a file of its own.
pub(crate) fn path_of(folder: &Path, id: MessageId) -> PathBuf {
    folder.join(id.author.to_string()).join(CounterName::new(id.counter).as_str())
}

/// Writes the first messages into a folder, one file each.
pub(crate) fn write_files(folder: &Path, messages: usize) {
    write_each(folder, History::new(), messages);
}

/// Writes the messages of some members into a folder, one file each. Each member has the same number of
/// messages, a multiple of four.
pub(crate) fn write_members(folder: &Path, members: usize, each: usize) {
    write_each(folder, History::among(members, Authors::Signed, Manner::Fours), members * each);
}

fn write_each(folder: &Path, history: History, messages: usize) {
    make_directories(folder, &history);
    for frame in history.take(messages) {
        fs::write(path_of(folder, frame.id()), frame.bytes()).expect("the volume has room");
    }
}

/// Writes messages into a folder as they are after packing, in packs of the usual size.
pub(crate) fn write_packs(folder: &Path, history: &mut History, messages: usize) {
    make_directories(folder, history);
    let Packing { few, times, bytes, .. } = Packing::default();
    let mut waiting: Vec<(Vec<Frame>, usize)> = (0..AUTHORS).map(|_| (Vec::new(), 0)).collect();
    let authors = history.authors();
    for frame in history.take(messages) {
        let at = authors.iter().position(|&author| author == frame.id().author).expect("it is one of them");
        let (frames, size) = &mut waiting[at];
        if frames.len() as u64 == few * times || *size + frame.bytes().len() > bytes {
            write_pack(folder, frames);
            (*frames, *size) = (Vec::new(), 0);
        }
        *size += frame.bytes().len();
        frames.push(frame);
    }
    for (frames, _) in waiting {
        write_pack(folder, &frames);
    }
}

fn make_directories(folder: &Path, history: &History) {
    for author in &history.authors {
        fs::create_dir(folder.join(author.id.to_string())).expect("the volume has room");
    }
}

fn write_pack(folder: &Path, frames: &[Frame]) {
    let (name, bytes) = match Pack::of(frames) {
        Ok(pack) => {
            (format!("{}-{}", CounterName::new(pack.first()), CounterName::new(pack.last())), pack.bytes().clone())
        }
        Err(_) => match frames {
            [frame] => (CounterName::new(frame.id().counter).to_string(), frame.bytes().clone()),
            _ => return,
        },
    };
    let Some(first) = frames.first() else { return };
    fs::write(folder.join(first.id().author.to_string()).join(name), bytes).expect("the volume has room");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempo_message::{Decoded, Digest};
    use tempo_session::core::{Input, Intake, SessionCore};

    use super::*;

    /// A member accepts every message at once: it holds none and rejects none.
    #[test]
    fn members_accept_the_history() {
        let manners = [Manner::Turns, Manner::Fours, Manner::Alternating, Manner::Deaf];
        for (authors, manner) in Authors::BOTH.into_iter().flat_map(|it| manners.map(|manner| (it, manner))) {
            let mut core = SessionCore::new(None);
            let mut parents = 0;
            for frame in History::by(authors, manner).take(2000) {
                parents += frame.message().parents.len();
                assert_eq!(frame.signature().is_some(), authors == Authors::Signed);
                assert_eq!(core.handle(Input::Received(&frame)), Intake::Accepted);
            }
            assert_eq!(core.timeline().len(), 2000);
            let expected = match manner {
                Manner::Turns => 400..600,
                Manner::Fours => 499..500,
                Manner::Alternating => 1999..2000,
                Manner::Deaf => 0..1,
            };
            assert!(expected.contains(&parents), "{manner:?}: {parents}");
        }
    }

    #[test]
    fn members_write_the_same_number_of_messages() {
        let dir = tempfile::tempdir().unwrap();
        write_members(dir.path(), 30, 20);
        let directories: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(directories.len(), 30);
        assert!(directories.iter().all(|directory| fs::read_dir(directory).unwrap().count() == 20));
    }

    #[test]
    fn files_and_packs_hold_the_same_messages() {
        let dir = tempfile::tempdir().unwrap();
        let read = |folder: &Path| {
            let mut found: BTreeMap<MessageId, Digest> = BTreeMap::new();
            for author in History::new().authors() {
                for entry in fs::read_dir(folder.join(author.to_string())).unwrap() {
                    let mut bytes = Bytes::from(fs::read(entry.unwrap().path()).unwrap());
                    while let Decoded::Whole(frame) = Frame::decode(&bytes) {
                        let _ = bytes.split_to(frame.bytes().len());
                        found.insert(frame.id(), frame.digest());
                    }
                    assert!(bytes.is_empty());
                }
            }
            found
        };
        let (files, packs) = (dir.path().join("files"), dir.path().join("packs"));
        fs::create_dir(&files).unwrap();
        fs::create_dir(&packs).unwrap();
        write_files(&files, 100);
        write_packs(&packs, &mut History::new(), 100);
        assert_eq!(read(&files).len(), 100);
        assert_eq!(read(&files), read(&packs));
    }
}
