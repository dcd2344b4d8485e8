//! The commands that are harmed, and the state of the folder before.

use std::fs;
use std::path::PathBuf;

use super::log::Log;
use super::world::World;

/// A command in a situation.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) member: &'static str,
    /// The command; the folder is named after the first word.
    pub(super) words: &'static [&'static str],
    /// Prepares the folder further, after each of two members has sent a message and received the other's.
    before: fn(&World) -> Result<(), String>,
    /// The number of messages after the preparation.
    messages: usize,
}

/// A text longer than a page of the store and a block of a disk.
const LONG: &str = include_str!("judge.rs");

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "join",
        about: "the first message of a new member",
        member: "cleo",
        words: &["send", "cleo 1"],
        before: |_| Ok(()),
        messages: 3,
    },
    Scene {
        name: "send",
        about: "one more message",
        member: "ana",
        words: &["send", "ana 3"],
        before: |_| Ok(()),
        messages: 3,
    },
    Scene {
        name: "several",
        about: "several messages, one of them long",
        member: "ana",
        words: &["send", "ana 3", LONG, "ana 5"],
        before: |_| Ok(()),
        messages: 3,
    },
    Scene {
        name: "open",
        about: "opening, with messages to put into the folder, to mend and to receive",
        member: "ana",
        words: &["status", "--json"],
        before: disturb,
        messages: 6,
    },
    Scene {
        name: "receive",
        about: "the timeline, with messages to receive",
        member: "ana",
        words: &["log", "--json"],
        before: |world| world.must("ben", &["send", "ben 2", LONG, "ben 4"]).map(drop),
        messages: 6,
    },
    Scene {
        name: "pack",
        about: "packing what is there, and removing the files of which the pack was made",
        member: "ana",
        words: &["pack", "--at-once"],
        before: |world| world.must("ana", &["send", LONG]).map(drop),
        messages: 4,
    },
];

impl Scene {
    /// Returns the texts that the command sends.
    pub(super) fn texts(&self) -> &'static [&'static str] {
        match self.words.split_first() {
            Some((&"send", texts)) => texts,
            _ => &[],
        }
    }

    /// Prepares the scene and keeps it; returns the log of every acknowledged message.
    pub(super) fn prepare(&self, world: &World) -> Result<Log, String> {
        world.clear().map_err(|error| error.to_string())?;
        world.must("ana", &["send", "ana 1", "ana 2"])?;
        world.must("ben", &["send", "ben 1"])?;
        world.must("ana", &["log"])?;
        (self.before)(world)?;
        world.keep().map_err(|error| error.to_string())?;
        let log = Log::read(&world.must("ana", &["log", "--json"])?)?;
        if log.len() == self.messages {
            Ok(log)
        } else {
            Err(format!("the scene `{}` begins with {} messages instead of {}", self.name, log.len(), self.messages))
        }
    }
}

/// Deletes a message of ana's and cuts another short, while ben sends.
fn disturb(world: &World) -> Result<(), String> {
    let sent = world.must("ana", &["send", "ana 3"])?;
    let deleted = world.folder().join(sent.trim());
    let cut: PathBuf = deleted.with_file_name(format!("{:016x}", 2));
    let bytes = fs::read(&cut).map_err(|error| error.to_string())?;
    let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
    fs::write(&cut, half).and_then(|()| fs::remove_file(&deleted)).map_err(|error| error.to_string())?;
    world.must("ben", &["send", "ben 2", "ben 3"])?;
    Ok(())
}
