//! Things in a folder that are not messages, or that are in the wrong place.

use std::ffi::OsString;

use bytes::Bytes;
use tempo_fs_transport::FileName;
use tempo_message::{AuthorId, Frame, Lamport, Message, MessageId};
use uuid::Uuid;

use super::Run;
use crate::{Disk, disk::Kind};

impl Run<'_> {
    pub(super) fn put_odd_file(&mut self, member: usize, disk: &Disk) {
        let dirs = disk.dirs();
        let Some(dir) = self.rng.pick(&dirs).cloned() else { return };
        let number = self.rng.below(1000);
        match self.rng.below(7) {
            6 => self.put_into_another(disk, number),
            4 => self.put_damaged_copy(disk, &disk.files()),
            5 => put_poison(disk, number),
            0 => disk.put(&dir, &OsString::from(format!("notes {number}.txt")), "not ours".into()),
            1 => disk.put(&dir, &OsString::from(format!("{:016x}", 0x1000 + number)), vec![0x5a; number].into()),
            2 => disk.put_special(&dir, &OsString::from(format!("{:016x}", 0x2000 + number)), Kind::Symlink),
            _ => disk.put_special(&dir, &OsString::from(format!("{:016x}", 0x3000 + number)), Kind::Pipe),
        }
        self.world.note_fault(member, "odd file", "something odd is put into the folder");
    }

    /// Puts a message of one author into the directory of another.
    fn put_into_another(&mut self, disk: &Disk, number: usize) {
        let (files, dirs) = (disk.files(), disk.dirs());
        if let (Some((_, _, content)), Some(dir)) = (self.rng.pick(&files), self.rng.clone().pick(&dirs)) {
            disk.put(dir, &OsString::from(format!("{:016x}", 0x4000 + number)), content.clone());
        }
    }

    /// Cleans up after adding a copy that is equal or differs in one bit. The service may have left incomplete ones too.
    pub(super) fn tidy(&mut self, member: usize, disk: &Disk) {
        let own = self.world.member(member).map(|there| OsString::from(there.author().to_string()));
        let mut files = if disk.is_unmounted() { Vec::new() } else { disk.files() };
        files.retain(|(dir, name, _)| {
            own.as_ref() == Some(dir) && matches!(FileName::parse(name), FileName::Message(_))
        });
        if self.rng.chance(500) {
            self.put_damaged_copy(disk, &files);
        } else if let Some((dir, name, content)) = self.rng.pick(&files) {
            disk.put(dir, &OsString::from(format!("{} (copy)", name.to_string_lossy())), content.clone());
        }
        self.world.tidy(member);
    }

    /// Adds a copy of a message that differs in one bit.
    fn put_damaged_copy(&mut self, disk: &Disk, files: &[(OsString, OsString, Bytes)]) {
        let Some((dir, name, content)) = self.rng.pick(files).cloned() else { return };
        let mut bytes = content.to_vec();
        let at = self.rng.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << self.rng.below(8);
            disk.put(&dir, &OsString::from(format!("{} (damaged)", name.to_string_lossy())), bytes.into());
        }
    }
}

/// Adds a well-formed message of an unknown author that claims to come at the end of time.
fn put_poison(disk: &Disk, number: usize) {
    let stranger = AuthorId::new(Uuid::from_u64_pair(0xbad, u64::try_from(number).unwrap_or(0)));
    let message = Message {
        id: MessageId { author: stranger, counter: 1 },
        lamport: Lamport(u64::MAX),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        kind: tempo_message::Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"poison"),
    };
    if let Ok(frame) = Frame::encode(&message) {
        let dir = OsString::from(stranger.to_string());
        disk.put(&dir, &OsString::from("0000000000000001"), frame.bytes().clone());
    }
}
