//! What carries files between the members' machines.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::hub::{Hub, Tool};
use super::syncthing::Syncthing;
use crate::failure::Failure;

/// A sync engine with a share on each of several machines, all of them this one.
pub(super) trait Engine {
    /// The directory that is kept equal, as a machine has it.
    fn share(&self, machine: usize) -> PathBuf;

    /// Starts the engine on a machine, or starts it again.
    fn start(&mut self, machine: usize) -> Result<(), String>;

    /// Kills it there while it is doing something; false when there was nothing to kill.
    fn kill(&mut self, machine: usize) -> Result<bool, String>;

    /// Cuts a machine off from the others, or connects it again; the engine goes on there.
    fn set_online(&mut self, machine: usize, online: bool) -> Result<(), String>;

    /// From here on it waits so long for further changes before it looks, if it is one that waits.
    fn set_delay(&mut self, _: Duration) -> Result<(), String> {
        Ok(())
    }
}

/// An engine that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Syncthing,
    /// A tool that makes two directories equal, and goes round.
    Hub(Tool),
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Syncthing, Self::Hub(Tool::Unison), Self::Hub(Tool::Rclone)];

    /// The name of the program, and of its Debian package.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Syncthing => "syncthing",
            Self::Hub(tool) => tool.name(),
        }
    }

    /// Which version is installed.
    pub(super) fn version(self) -> Result<String, Failure> {
        let flag = match self {
            Self::Syncthing => "--version",
            Self::Hub(Tool::Unison) => "-version",
            Self::Hub(Tool::Rclone) => "version",
        };
        let said = Command::new(self.name()).arg(flag).env("HOME", "/nonexistent").output();
        let said = said.map_err(|_| Failure::Missing { tool: self.name(), install: self.install() })?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let has_digits = |word: &&str| word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit());
        let version = text.split_whitespace().find(has_digits).unwrap_or("of an unknown version");
        Ok(version.trim_start_matches('v').to_owned())
    }

    /// Sets it up for so many machines; nothing runs yet.
    pub(super) fn set_up(self, place: &Path, machines: usize) -> Result<Box<dyn Engine>, String> {
        Ok(match self {
            Self::Syncthing => Box::new(Syncthing::set_up(place, machines)?),
            Self::Hub(tool) => Box::new(Hub::set_up(tool, place, machines)?),
        })
    }

    fn install(self) -> &'static [&'static str] {
        match self {
            Self::Syncthing => &["apt-get install syncthing"],
            Self::Hub(Tool::Unison) => &["apt-get install unison"],
            Self::Hub(Tool::Rclone) => &["apt-get install rclone"],
        }
    }
}
