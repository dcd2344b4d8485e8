//! Copies of the session folder where another song begins: two sessions from then on, in any order of arrival.

use std::ffi::{OsStr, OsString};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{AuthorId, Decoded, Frames, Head, Kind, Lamport, Life, Message, MessageId, Parent};
use uuid::Uuid;

use super::Simulation;
use crate::{Disk, disk::Change};

/// The endings that people give a copy's name in place of `.session`.
const COPIES: &[&str] = &[" copy.session", " - Kopie.session", " 3.session", " (3).session"];

/// The first half of the ids of authors that begin another song in a copy.
const SINGER: u64 = 0xc0b1;

/// Returns whether a directory beside the session folder is such a copy and the new song in it has arrived.
pub(super) fn goes_on_in(disk: &Disk, name: &str) -> bool {
    let is_song = |dir: &OsStr, file: &OsStr| {
        let dir = dir.to_string_lossy();
        let author = dir.strip_prefix(name).and_then(|dir| DirName::parse(OsStr::new(dir.strip_prefix('/')?)).author());
        let is_message = matches!(FileName::parse(file), FileName::Message(_) | FileName::Copy(_));
        is_message && author.is_some_and(|author| author.uuid().as_u64_pair().0 == SINGER)
    };
    COPIES.iter().any(|tail| name.ends_with(tail)) && disk.files().iter().any(|(dir, file, _)| is_song(dir, file))
}

impl Simulation {
    /// Copies the session folder at a member's machine as it is there, and lets a new author continue in the copy.
    pub(crate) fn copy_session(&mut self, member: usize, number: u64) {
        let Some(there) = self.members.get(member) else { return };
        let disk = there.disk.clone();
        let at = usize::try_from(number % COPIES.len() as u64).unwrap_or(0);
        let tail = COPIES.get(at).copied().unwrap_or_default();
        let copy = disk.options().folder_name().replace(".session", tail);
        let is_own = |dir: &OsStr| !dir.as_encoded_bytes().contains(&b'/');
        let mut files = if disk.is_unmounted() { Vec::new() } else { disk.files() };
        let is_there = files.iter().any(|(dir, ..)| dir.to_string_lossy().starts_with(&format!("{copy}/")));
        files.retain(|(dir, name, _)| {
            is_own(dir) && FileName::parse(name) != FileName::Staged && !self.service.is_placeholder(name)
        });
        let latest = latest(&files).filter(|_| !is_there);
        let Some((parent, lamport)) = latest else { return };
        let author = AuthorId::new(Uuid::from_u64_pair(SINGER, number));
        files.extend(new_song(author, parent, lamport, &copy));
        let mut changes = Vec::new();
        for (dir, name, content) in files {
            let dir = OsString::from(format!("{copy}/{}", dir.to_string_lossy()));
            disk.put(&dir, &name, content);
            changes.push(Change { dir, name });
        }
        self.service.changed(member, changes);
        self.plan_service();
        self.note_fault(member, "copied session", "a person copies the session and begins another song in the copy");
    }
}

/// Returns the latest message in some files. Every message written in a copy of them comes after it.
fn latest(files: &[(OsString, OsString, Bytes)]) -> Option<(Parent, Lamport)> {
    let frames = files.iter().flat_map(|(.., content)| Frames::new(content.clone()));
    let frames = frames.filter_map(|decoded| match decoded {
        Decoded::Whole(frame) => Some(frame),
        _ => None,
    });
    let latest = frames.filter(|frame| frame.message().lamport.0 < u64::MAX).max_by_key(|it| it.message().lamport)?;
    let MessageId { author, counter } = latest.id();
    Some((Parent { author, counter, digest: latest.digest() }, latest.message().lamport))
}

/// Returns the first message of a new author in a copy, and its head.
fn new_song(
    author: AuthorId,
    parent: Parent,
    lamport: Lamport,
    copy: &str,
) -> impl Iterator<Item = (OsString, OsString, Bytes)> {
    let message = Message {
        id: MessageId { author, counter: 1 },
        lamport: Lamport(lamport.0 + 1),
        unix_ms: 0,
        previous: None,
        parents: vec![parent],
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"the next song"),
    };
    let head = Head {
        author,
        name: None,
        place: Some(copy.to_owned()),
        counter: 1,
        digest: None,
        lamport: message.lamport,
        seen: vec![(parent.author, parent.counter)],
        wanted: Vec::new(),
        life: Life { number: 1, nonce: 1 },
        unix_ms: 0,
        seal: None,
    };
    let dir = OsString::from(author.to_string());
    let frame = tempo_message::Frame::encode(&message).ok();
    let first = frame.map(|frame| (dir.clone(), OsString::from("0000000000000001"), frame.bytes().clone()));
    first.into_iter().chain([(dir, OsString::from("head"), head.encode())])
}
