//! The available engines.

use std::path::Path;
use std::process::Command;

use super::hub::{Hub, Tool};
use super::share::Engine;
use super::syncthing::Syncthing;
use crate::failure::Failure;

/// An engine that can be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Syncthing,
    /// A tool that makes two directories equal, run for one machine after the other.
    Hub(Tool),
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Syncthing, Self::Hub(Tool::Unison), Self::Hub(Tool::Rclone)];

    /// Returns the engine of this name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| format!("there are {}", Self::ALL.map(Self::name).join(", ")))
    }

    /// Returns the name of the program and of its Debian package.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Syncthing => "syncthing",
            Self::Hub(tool) => tool.name(),
        }
    }

    /// Returns the installed version.
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

    /// Sets the engine up for this many machines without starting it.
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
