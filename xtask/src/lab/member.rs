//! A member: the `tempo` command with lines typed into it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::share;
use super::stable::Asked;
use crate::process::{self, Said};
use crate::talk::Talk;

/// One member of the session. As far as it knows, it has a machine of its own.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    tempo: PathBuf,
    pub(super) state: PathBuf,
    /// The session's folder as this member sees it.
    pub(super) folder: PathBuf,
    logs: PathBuf,
    typing: Option<Typing>,
    /// Whether the member has left for good.
    pub(super) is_gone: bool,
    /// The number of lines ever typed.
    typed: u64,
    /// The lines that were acknowledged.
    pub(super) acknowledged: Vec<String>,
    /// The lines that were never acknowledged.
    pub(super) uncertain: Vec<String>,
    /// The id of the last acknowledged message.
    pub(super) last_id: Option<String>,
}

/// A process that sends each line typed into it and answers with its id.
#[derive(Debug)]
struct Typing {
    talk: Talk,
    lines: Vec<String>,
}

/// The time limit of a command beside busy engines.
const PATIENCE: Duration = Duration::from_secs(300);

/// The words of a command that cannot open the member's store.
const AN_OBSERVER: &str = "what an observer sees";

impl Member {
    pub(super) fn new(name: String, tempo: &Path, place: &Path, folder: PathBuf) -> Self {
        Self {
            tempo: tempo.to_owned(),
            state: place.join(format!("state-{name}")),
            folder,
            logs: place.join("logs"),
            name,
            typing: None,
            is_gone: false,
            typed: 0,
            acknowledged: Vec::new(),
            uncertain: Vec::new(),
            last_id: None,
        }
    }

    /// Returns the lines that were acknowledged, and those typed into a process that still will acknowledge
    /// them.
    pub(super) fn certain(&self) -> impl Iterator<Item = &String> {
        self.acknowledged.iter().chain(self.typing.iter().flat_map(|typing| &typing.lines))
    }

    /// Starts the process into which lines are typed.
    pub(super) fn start(&mut self) -> Result<(), String> {
        if self.typing.is_some() || self.is_gone {
            return Ok(());
        }
        let mut talk = self.talk("send")?;
        // A log requested before the session is open would delay it.
        let holder = format!("process {}", talk.id());
        process::wait_until(PATIENCE, || {
            let is_holder =
                |dir: OsString| fs::read_to_string(self.state.join(dir).join("holder")).is_ok_and(|it| it == holder);
            self.authors().any(is_holder) || talk.ended().is_some()
        })?;
        self.typing = Some(Typing { talk, lines: Vec::new() });
        Ok(())
    }

    /// Starts a command that reads lines and prints lines.
    pub(super) fn talk(&self, word: &str) -> Result<Talk, String> {
        Talk::start(&mut self.command(&[word]), &self.logs.join(format!("{}-{word}.err", self.name)))
    }

    /// Types this many lines at once; none if the process does not run.
    pub(super) fn type_lines(&mut self, count: u64) -> Result<(), String> {
        let Some(typing) = &mut self.typing else { return Ok(()) };
        let lines: Vec<String> = (1..=count).map(|more| format!("{} {}", self.name, self.typed + more)).collect();
        self.typed += count;
        let said = typing.talk.say(&lines);
        typing.lines.extend(lines);
        match (said, typing.talk.ended()) {
            (Ok(()), None) => Ok(()),
            (_, ended) => Err(format!("the process of {} has ended by itself: {ended:?}", self.name)),
        }
    }

    /// Kills the process as a power loss would, but without harm to the disk.
    pub(super) fn kill(&mut self) {
        if let Some(Typing { talk, lines }) = self.typing.take() {
            self.note(talk.kill(), lines);
        }
    }

    /// Ends the process as a user would.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let Some(Typing { talk, lines }) = self.typing.take() else { return Ok(()) };
        let ids = talk.end(PATIENCE).map_err(|why| format!("`tempo send` of {}: {why}", self.name))?;
        match self.note(ids, lines) {
            0 => Ok(()),
            count => Err(format!("`tempo send` of {} promised nothing of {count} lines", self.name)),
        }
    }

    /// Returns the authors with stores in the state directory.
    pub(super) fn authors(&self) -> impl Iterator<Item = OsString> {
        let entries = fs::read_dir(&self.state).into_iter().flatten().filter_map(Result::ok);
        entries.filter(|entry| entry.path().join("store.redb").exists()).map(|entry| entry.file_name())
    }

    /// Returns whether the member continues in the place of the author whose store it has, and has no other
    /// store.
    pub(super) fn has_become_another(&self) -> bool {
        let others = |author: OsString| fs::read_to_string(self.state.join(author).join("authors")).unwrap_or_default();
        let others: Vec<String> = self.authors().map(others).collect();
        matches!(&others[..], [others] if !others.is_empty())
    }

    /// Returns the path of its folder as its store remembers it.
    pub(super) fn path_of_folder(&self) -> io::Result<Vec<u8>> {
        Ok(fs::canonicalize(&self.folder)?.into_os_string().into_vec())
    }

    /// Runs another command in the folder.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Said, String> {
        let name = words.first().copied().unwrap_or_default();
        let output = self.logs.join(format!("{}-{name}", self.name));
        let said = process::run(&mut self.command(words), &output, PATIENCE)?;
        said.check(&format!("tempo {} (as {})", words.join(" "), self.name))
    }

    /// Returns the timeline, one message on each line.
    pub(super) fn log(&self) -> Result<String, String> {
        Ok(self.ask(&["log", "--json"])?.out)
    }

    /// Returns a source to ask for what is stable, and its log for people, with the mark at the end of the
    /// stable part. While the process runs, the source is an observer of a copy of the folder, made in this
    /// place. Returns `None` while the store is a copy and not yet a member.
    pub(super) fn marked_log(&self, place: &Path) -> Result<Option<(Asked, String)>, String> {
        let (asked, mut command) = if self.typing.is_some() {
            let failed = |error: io::Error| format!("{}: {error}", place.display());
            let folder = place.join(share::SESSION);
            share::copy(&self.folder, &folder).map_err(failed)?;
            (Asked::Copy(self.name.clone()), self.command_on(&folder, &place.join("state"), &["log"]))
        } else {
            (Asked::Store(self.name.clone()), self.command(&["log"]))
        };
        let said = process::run_merged(&mut command, &self.logs.join(format!("{}-stable", self.name)), PATIENCE)?;
        let said = said.check(&format!("tempo log (of {asked:?})"))?;
        // The copy exists only if it was needed.
        let _ = fs::remove_dir_all(place);
        let is_observed = matches!(asked, Asked::Store(_)) && said.out.contains(AN_OBSERVER);
        match is_observed {
            false => Ok(Some((asked, said.out))),
            true if said.out.contains("the local state is a copy") => Ok(None),
            true => Err(format!("the store of {} is not opened: {}", self.name, said.out.lines().next().unwrap_or(""))),
        }
    }

    /// Returns a command with the folder and the remaining words.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        self.command_on(&self.folder, &self.state, words)
    }

    fn command_on(&self, folder: &Path, state: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(&self.tempo);
        command.arg("--state").arg(state);
        if let Some((name, rest)) = words.split_first() {
            command.arg(name).arg(folder).args(rest);
        }
        command
    }

    /// Returns its log from its store alone: the content of the session's folder is moved away meanwhile.
    pub(super) fn log_of_store(&self) -> Result<String, String> {
        let away = self.folder.with_extension("away");
        let failed = |error: io::Error| format!("{}: {error}", self.folder.display());
        fs::create_dir(&away).and_then(|()| move_all(&self.folder, &away)).map_err(failed)?;
        let log = self.log();
        // The member has republished its own messages meanwhile.
        share::empty(&self.folder).and_then(|()| move_all(&away, &self.folder)).map_err(failed)?;
        log
    }

    /// Assigns each id to one line, in order; returns the number of lines without an id.
    fn note(&mut self, ids: Vec<String>, mut lines: Vec<String>) -> usize {
        let uncertain = lines.split_off(ids.len().min(lines.len()));
        let without_promise = uncertain.len();
        self.acknowledged.extend(lines);
        self.uncertain.extend(uncertain);
        self.last_id = ids.into_iter().next_back().or(self.last_id.take());
        without_promise
    }
}

/// Moves everything in one directory into another.
fn move_all(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::rename(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
