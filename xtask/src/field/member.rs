//! A member: the `tempo` command with a state of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::checkup::Checkup;
use super::log::Log;
use super::stage::{PATIENCE, Stage};
use super::stop::{Outcome, check};
use crate::process::Said;
use crate::talk::Talk;

/// A person with a folder and a local state.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    stage: &'a Stage,
    pub(super) name: &'static str,
    pub(super) state: PathBuf,
    pub(super) folder: PathBuf,
    /// The words before the command, such as those that make it run as another user.
    under: Vec<OsString>,
}

impl<'a> Member<'a> {
    pub(super) fn new(stage: &'a Stage, name: &'static str, folder: PathBuf) -> Self {
        Self { stage, name, state: stage.at(&format!("state-{name}")), folder, under: Vec::new() }
    }

    /// Returns the same member with another folder.
    pub(super) fn opening(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self.clone() }
    }

    /// Returns the same member with the local state in another place.
    pub(super) fn with_state(&self, state: &Path) -> Self {
        Self { state: state.to_owned(), ..self.clone() }
    }

    /// Returns the same member with words before every command.
    pub(super) fn under(&self, words: &[&str]) -> Self {
        Self { under: words.iter().map(OsString::from).collect(), ..self.clone() }
    }

    /// Runs a command to its end, however it ends. The folder follows its first word.
    pub(super) fn run(&self, words: &[&str]) -> Outcome<Said> {
        self.stage.run(&mut self.command(words))
    }

    /// Runs a command that must end well, and returns what it prints.
    pub(super) fn ask(&self, words: &[&str]) -> Outcome<String> {
        self.stage.must(&mut self.command(words))
    }

    /// Joins with a name and sends a line.
    pub(super) fn introduce(&self, text: &str) -> Outcome {
        let mut chat = self.chat()?;
        chat.say(&[text])?;
        chat.end(PATIENCE)?;
        Ok(())
    }

    /// Starts a chat under the member's name.
    pub(super) fn chat(&self) -> Outcome<Talk> {
        self.talk(&["chat", "--name", self.name])
    }

    /// Sends messages and returns what the command says on standard error. Each must be acknowledged by its id.
    pub(super) fn send(&self, texts: &[&str]) -> Outcome<String> {
        let said = self.run(&[&["send"], texts].concat())?;
        let acknowledged = said.out.lines().count();
        check(said.status.success() && acknowledged == texts.len(), || {
            let (name, count) = (self.name, texts.len());
            format!(
                "{name} sends {count} messages, {acknowledged} are acknowledged, {}: {}",
                said.status,
                said.err.trim()
            )
        })?;
        Ok(said.err)
    }

    /// Sends messages one by one, each once the one before is safe. So each is a file of its own.
    pub(super) fn send_slowly(&self, texts: &[String]) -> Outcome {
        let mut sending = self.talk(&["send"])?;
        for text in texts {
            sending.say(&[text])?;
            sending.hear()?;
        }
        sending.end(PATIENCE)?;
        Ok(())
    }

    /// Opens the session, so that everything pending is published and mended.
    pub(super) fn open(&self) -> Outcome {
        self.ask(&["status"]).map(drop)
    }

    /// Returns the timeline.
    pub(super) fn log(&self) -> Outcome<Log> {
        let said = self.run(&["log", "--json"])?;
        check(said.status.success(), || format!("the log of {} ends with {}: {}", self.name, said.status, said.err))?;
        Log::parse(said.out, said.err)
    }

    /// Asks the doctor. Advice that would harm messages is always wrong.
    pub(super) fn doctor(&self) -> Outcome<Checkup> {
        let said = self.run(&["doctor", "--json"])?;
        let checkup = Checkup::parse(&said.out, said.status.code())?;
        if let Some(harm) = checkup.harm(&self.folder) {
            Err(format!("the doctor of {} sends messages away: {}", self.name, harm.text()))?;
        }
        Ok(checkup)
    }

    /// The doctor finds nothing that wants attention.
    pub(super) fn is_well(&self) -> Outcome {
        self.doctor()?.expect(&[]).map_err(|stop| stop.within(self.name))
    }

    /// Returns the member's author; it must be one.
    pub(super) fn author(&self) -> Outcome<String> {
        let author = self.doctor()?.author;
        author.ok_or_else(|| format!("{} is no author in {}", self.name, self.folder.display()).into())
    }

    fn talk(&self, words: &[&str]) -> Outcome<Talk> {
        let errors = self.stage.at("said").join(format!("{}.err", self.name));
        Ok(Talk::start(&mut self.command(words), &errors)?)
    }

    fn command(&self, words: &[&str]) -> Command {
        let tempo = self.stage.tempo.as_os_str();
        let (program, before) = self.under.split_first().map_or((tempo, None), |(first, rest)| (first, Some(rest)));
        let mut command = Command::new(program);
        if let Some(before) = before {
            command.args(before).arg(tempo);
        }
        command.arg("--state").arg(&self.state);
        if let Some((name, rest)) = words.split_first() {
            command.arg(name).arg(&self.folder).args(rest);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_another_user_come_first() {
        let place = tempfile::tempdir().unwrap();
        let stage = Stage::new(Path::new("/t/tempo"), place.path()).unwrap();
        let ana = stage.member("Ana").opening(Path::new("/f/jam.session")).with_state(Path::new("/s"));
        let words = |member: &Member| {
            let command = member.command(&["log", "--json"]);
            let words = [command.get_program()].into_iter().chain(command.get_args());
            words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(&ana), "/t/tempo --state /s log /f/jam.session --json");
        assert_eq!(
            words(&ana.under(&["faketime", "1970"])),
            "faketime 1970 /t/tempo --state /s log /f/jam.session --json"
        );
    }
}
