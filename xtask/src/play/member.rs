//! A member: the `tempo` command with a state of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::checkup::Checkup;
use super::log::Log;
use super::stage::{PATIENCE, Stage};
use super::stop::{Outcome, check};
use crate::process::Said;
use crate::talk::Talk;

/// A person with a folder and a local state.
#[derive(Clone)]
pub(crate) struct Member<'a> {
    stage: &'a Stage,
    pub(crate) name: &'static str,
    pub(crate) state: PathBuf,
    pub(crate) folder: PathBuf,
    system: Arc<dyn System + 'a>,
}

/// The system on which a member's command runs.
pub(crate) trait System: Send + Sync {
    /// Returns the command without its arguments.
    fn tempo(&self) -> Command;

    /// Returns the name that the command reaches a file by.
    fn path(&self, file: &Path) -> OsString {
        file.into()
    }
}

/// This system. Words before the command make it run as another user, for instance.
struct Here {
    words: Vec<OsString>,
}

impl System for Here {
    fn tempo(&self) -> Command {
        // Becomes the program that the words begin with.
        let mut command = Command::new("env");
        command.args(&self.words);
        command
    }
}

impl Stage {
    /// Returns a member who uses `jam.session` in the place.
    pub(crate) fn member(&self, name: &'static str) -> Member<'_> {
        Member::new(self, name, self.at("jam.session"))
    }
}

impl<'a> Member<'a> {
    fn new(stage: &'a Stage, name: &'static str, folder: PathBuf) -> Self {
        let here = Arc::new(Here { words: vec![stage.tempo.clone().into()] });
        Self { stage, name, state: stage.at(&format!("state-{name}")), folder, system: here }
    }

    /// Returns the same member with another folder.
    pub(crate) fn opening(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self.clone() }
    }

    /// Returns the same member with the local state in another place.
    pub(crate) fn with_state(&self, state: &Path) -> Self {
        Self { state: state.to_owned(), ..self.clone() }
    }

    /// Returns the same member with words before every command.
    pub(crate) fn under(&self, words: &[&str]) -> Self {
        let words = words.iter().map(OsString::from).chain([self.stage.tempo.clone().into()]);
        self.on(Arc::new(Here { words: words.collect() }))
    }

    /// Returns the same member on another system.
    pub(crate) fn on(&self, system: Arc<dyn System + 'a>) -> Self {
        Self { system, ..self.clone() }
    }

    /// Runs a command to its end, however it ends. The folder follows its first word.
    pub(crate) fn run(&self, words: &[&str]) -> Outcome<Said> {
        self.stage.run(&mut self.command(words))
    }

    /// Runs a command that must end well, and returns what it prints.
    pub(crate) fn ask(&self, words: &[&str]) -> Outcome<String> {
        self.stage.must(&mut self.command(words))
    }

    /// Joins with a name and sends a line.
    pub(crate) fn introduce(&self, text: &str) -> Outcome {
        let mut chat = self.chat()?;
        chat.say(&[text])?;
        chat.end(PATIENCE)?;
        Ok(())
    }

    /// Starts a chat under the member's name.
    pub(crate) fn chat(&self) -> Outcome<Talk> {
        self.talk(&["chat", "--name", self.name])
    }

    /// Sends messages and returns what the command says on standard error. Each must be acknowledged by its id.
    pub(crate) fn send(&self, texts: &[&str]) -> Outcome<String> {
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

    /// Sends messages one by one, each after the previous one is safe, so that each is a file of its own.
    pub(crate) fn send_slowly(&self, texts: &[String]) -> Outcome {
        let mut sending = self.talk(&["send"])?;
        for text in texts {
            sending.say(&[text])?;
            sending.hear()?;
        }
        sending.end(PATIENCE)?;
        Ok(())
    }

    /// Opens the session, so that everything pending is published and repaired.
    pub(crate) fn open(&self) -> Outcome {
        self.ask(&["status"]).map(drop)
    }

    /// Returns the timeline.
    pub(crate) fn log(&self) -> Outcome<Log> {
        let said = self.run(&["log", "--json"])?;
        check(said.status.success(), || format!("the log of {} ends with {}: {}", self.name, said.status, said.err))?;
        Log::parse(said.out, said.err)
    }

    /// Asks the doctor. Advice that would harm messages is always wrong.
    pub(crate) fn doctor(&self) -> Outcome<Checkup> {
        let said = self.run(&["doctor", "--json"])?;
        let checkup = Checkup::parse(&said.out, said.status.code())?;
        if let Some(harm) = checkup.harm(&self.folder) {
            Err(format!("the doctor of {} sends messages away: {}", self.name, harm.text()))?;
        }
        Ok(checkup)
    }

    /// Checks that the doctor finds nothing that needs attention.
    pub(crate) fn is_well(&self) -> Outcome {
        self.doctor()?.expect(&[]).map_err(|stop| stop.within(self.name))
    }

    /// Returns the member's author; it must have one.
    pub(crate) fn author(&self) -> Outcome<String> {
        let author = self.doctor()?.author;
        author.ok_or_else(|| format!("{} is no author in {}", self.name, self.folder.display()).into())
    }

    /// Starts the command as a program that reads lines and prints lines.
    pub(crate) fn talk(&self, words: &[&str]) -> Outcome<Talk> {
        let errors = self.stage.at("said").join(format!("{}.err", self.name));
        Ok(Talk::start(&mut self.command(words), &errors)?)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.system.tempo();
        command.arg("--state").arg(self.system.path(&self.state));
        if let Some((name, rest)) = words.split_first() {
            command.arg(name).arg(self.system.path(&self.folder)).args(rest);
        }
        command
    }
}

/// Checks that every member prints exactly these texts in this order, and that all logs are equal byte for
/// byte.
pub(crate) fn all_read<T: AsRef<str>>(members: &[&Member], texts: &[T]) -> Outcome {
    let texts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
    let mut first: Option<String> = None;
    for member in members {
        let log = member.log()?;
        check(log.texts() == texts, || {
            format!("{} reads {:?} instead of {texts:?}; it says: {}", member.name, log.texts(), log.said.trim())
        })?;
        let json = first.get_or_insert_with(|| log.json.clone());
        check(*json == log.json, || format!("the log of {} differs: {}\nand\n{json}", member.name, log.json))?;
    }
    Ok(())
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
        assert_eq!(words(&ana), "env /t/tempo --state /s log /f/jam.session --json");
        assert_eq!(
            words(&ana.under(&["faketime", "1970"])),
            "env faketime 1970 /t/tempo --state /s log /f/jam.session --json"
        );
    }
}
