//! A member of a scene: the `tempo` command on one of two systems, with a state of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;

use super::wine::{self, Wine};
use crate::process::{self, Said};
use crate::talk::{PATIENCE, Talk};

/// The `tempo` command of one member.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'static str,
    system: System<'a>,
    tempo: &'a Path,
    pub(super) state: PathBuf,
    pub(super) folder: PathBuf,
    logs: PathBuf,
    runs: AtomicUsize,
}

/// The system on which a member's command runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum System<'a> {
    Linux,
    Windows(&'a Wine),
}

impl<'a> Member<'a> {
    pub(super) fn new(name: &'static str, system: System<'a>, tempo: &'a Path, place: &Path) -> Self {
        Self {
            name,
            system,
            tempo,
            state: place.join(format!("state-{name}")),
            folder: place.join("jam.session"),
            logs: place.join("logs"),
            runs: AtomicUsize::new(0),
        }
    }

    /// Returns the command, with the folder after its first word.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let (mut command, path): (_, fn(&Path) -> String) = match self.system {
            System::Linux => (Command::new(self.tempo), |path| path.display().to_string()),
            System::Windows(wine) => (wine.command(self.tempo), wine::path),
        };
        command.arg("--state").arg(path(&self.state));
        if let Some((name, rest)) = words.split_first() {
            command.arg(name);
            if *name != "demo" {
                command.arg(path(&self.folder));
            }
            command.args(rest);
        }
        command
    }

    /// Runs the command to its end, however it ends.
    pub(super) fn run(&self, words: &[&str]) -> Result<Said, String> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let name = words.first().copied().unwrap_or_default();
        let output = self.logs.join(format!("{}-{run:03}-{name}", self.name));
        process::run(&mut self.command(words), &output, PATIENCE).map_err(|why| format!("{}: {why}", self.call(words)))
    }

    /// Runs the command; it must end well.
    pub(super) fn ask(&self, words: &[&str]) -> Result<String, String> {
        Ok(self.run(words)?.check(&self.call(words))?.out)
    }

    /// Runs the command; it must end with this code.
    pub(super) fn ask_code(&self, words: &[&str], code: i32) -> Result<String, String> {
        let said = self.run(words)?;
        if said.status.code() == Some(code) {
            return Ok(said.out);
        }
        Err(format!("`{}` ended with {} instead of {code}: {}", self.call(words), said.status, said.err.trim()))
    }

    /// Starts the command as a program that reads lines and prints lines.
    pub(super) fn talk(&self, words: &[&str]) -> Result<Talk, String> {
        Talk::start(&mut self.command(words), &self.logs.join(format!("{}-talk.err", self.name)))
    }

    /// Returns the timeline in JSON, one message per line.
    pub(super) fn log(&self) -> Result<String, String> {
        self.ask(&["log", "--json"])
    }

    fn call(&self, words: &[&str]) -> String {
        let system = if matches!(self.system, System::Linux) { "Linux" } else { "Windows" };
        format!("tempo {} (as {} on {system})", words.join(" "), self.name)
    }
}

/// Returns the texts of a timeline, in order.
pub(super) fn texts(log: &str) -> Result<Vec<String>, String> {
    let text = |line: &str| {
        let row: Value = serde_json::from_str(line).ok()?;
        row.get("text")?.as_str().map(str::to_owned)
    };
    log.lines().map(|line| text(line).ok_or_else(|| format!("`{line}` is no message"))).collect()
}

/// Waits until all members print the same timeline of this length, and returns it.
pub(super) fn same_log(members: &[&Member], length: usize) -> Result<String, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let logs = members.iter().map(|member| member.log()).collect::<Result<Vec<_>, _>>()?;
        let first = logs.first().cloned().unwrap_or_default();
        if first.lines().count() == length && logs.iter().all(|log| *log == first) {
            return Ok(first);
        }
        process::pause_until(deadline).map_err(|why| {
            let lengths: Vec<_> = logs.iter().map(|log| log.lines().count()).collect();
            format!("the logs have {lengths:?} messages instead of {length}, or differ: {why}")
        })?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_follows_the_name_of_the_command() {
        let member = Member::new("ana", System::Linux, Path::new("/t/tempo"), Path::new("/p"));
        let words: Vec<_> = member.command(&["log", "--json"]).get_args().map(std::ffi::OsStr::to_owned).collect();
        assert_eq!(words, ["--state", "/p/state-ana", "log", "/p/jam.session", "--json"]);
    }

    #[test]
    fn a_line_that_is_no_message_is_an_error() {
        assert_eq!(texts("{\"text\":\"a\"}\n{\"text\":\"b\"}\n").unwrap(), ["a", "b"]);
        assert!(texts("{\"text\":\"a\"}\n\n").is_err());
    }
}
