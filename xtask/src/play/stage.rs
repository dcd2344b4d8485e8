//! The place of a scene, and operations in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::stop::{Outcome, Stop, check};
use super::tree;
use crate::process::{self, Said};

/// A directory of a scene, or of a part of it, with the program under test.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) tempo: PathBuf,
    pub(crate) place: PathBuf,
    kept: Arc<Kept>,
}

/// State that all parts of a scene share.
#[derive(Debug, Default)]
struct Kept {
    runs: AtomicUsize,
    story: Mutex<Vec<String>>,
    /// The story up to the first part that failed.
    first_wrong: Mutex<Option<Vec<String>>>,
    skipped: Mutex<Vec<String>>,
}

/// The time limit of one command.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The number of recent commands that a failure shows.
const TOLD: usize = 12;
/// The number of characters of a command's output that a failure shows.
const SHOWN: usize = 300;

impl Stage {
    /// Prepares an empty directory that other users of the system may enter.
    pub(crate) fn new(tempo: &Path, place: &Path) -> Outcome<Self> {
        let stage = Self { tempo: tempo.to_owned(), place: place.to_owned(), kept: Arc::default() };
        stage.prepare()?;
        Ok(stage)
    }

    /// Returns a path in the place.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Plays a part once per row, each time in a new directory. All rows are played; one message names all wrong ones.
    ///
    /// A row that this machine cannot show is noted. The whole part is skipped only when every row is.
    pub(crate) fn each<T>(
        &self,
        rows: &[T],
        name: impl Fn(&T) -> String,
        play: impl Fn(&T, &Stage) -> Outcome,
    ) -> Outcome {
        let (mut wrong, mut skipped) = (Vec::new(), Vec::new());
        for (index, row) in rows.iter().enumerate() {
            process::check_interruption()?;
            let stage =
                Self { tempo: self.tempo.clone(), place: self.at(&format!("part-{index}")), kept: self.kept.clone() };
            self.tell(format!("-- {}", name(row)));
            match stage.prepare().and_then(|()| play(row, &stage)) {
                Ok(()) => {}
                Err(Stop::Wrong(why)) => {
                    wrong.push(format!("{}: {why}", name(row)));
                    let story = self.story();
                    *lock(&self.kept.first_wrong) = Some(story);
                }
                Err(Stop::Skip(why)) => skipped.push(format!("{}: {why}", name(row))),
            }
        }
        check(wrong.is_empty(), || wrong.join("\n"))?;
        if skipped.len() == rows.len() {
            return Err(Stop::Skip(skipped.join("; ")));
        }
        lock(&self.kept.skipped).extend(skipped);
        Ok(())
    }

    /// Runs a program to its end, however it ends.
    pub(crate) fn run(&self, command: &mut Command) -> Outcome<Said> {
        let run = self.kept.runs.fetch_add(1, Ordering::Relaxed);
        let output = self.place.join("said").join(format!("{run:04}"));
        let shown = shown(command);
        let said = process::run(command, &output, PATIENCE).map_err(|why| format!("`{shown}`: {why}"))?;
        let brief = |text: &str| text.trim_end().chars().take(SHOWN).collect::<String>().replace('\n', "\n    |   ");
        self.tell(format!("{shown}: {}\n    |   {}", said.status, brief(&format!("{}{}", said.out, said.err))));
        Ok(said)
    }

    /// Runs a program that must end well, and returns what it prints.
    pub(crate) fn must(&self, command: &mut Command) -> Outcome<String> {
        let shown = shown(command);
        Ok(self.run(command)?.check(&shown)?.out)
    }

    /// Copies a file or a directory with all times and permissions, as `cp -a` does.
    pub(crate) fn copy(&self, from: &Path, to: &Path) -> Outcome {
        self.must(Command::new("cp").arg("-a").arg(from).arg(to)).map(drop)
    }

    /// Notes a step for the report of a failure.
    pub(crate) fn tell(&self, what: String) {
        lock(&self.kept.story).push(what);
    }

    /// Returns the last steps, up to the first part that failed if there is one.
    pub(crate) fn story(&self) -> Vec<String> {
        if let Some(story) = &*lock(&self.kept.first_wrong) {
            return story.clone();
        }
        let story = lock(&self.kept.story);
        story.iter().skip(story.len().saturating_sub(TOLD)).cloned().collect()
    }

    /// Returns the parts that this machine could not show.
    pub(crate) fn skipped(&self) -> Vec<String> {
        lock(&self.kept.skipped).clone()
    }

    fn prepare(&self) -> Outcome {
        tree::make_dir(&self.at("said"))?;
        let open = fs::set_permissions(&self.place, fs::Permissions::from_mode(0o755));
        open.map_err(|error| format!("{}: {error}", self.place.display()))?;
        tree::make_dir(&self.at("jam.session"))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the command as the report shows it: in one short line, paths without their directories.
fn shown(command: &Command) -> String {
    let base = |word: &std::ffi::OsStr| word.to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(base).collect::<Vec<_>>().join(" ").escape_debug().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> (Stage, tempfile::TempDir) {
        let place = tempfile::tempdir().unwrap();
        (Stage::new(Path::new("tempo"), place.path()).unwrap(), place)
    }

    #[test]
    fn every_row_is_played_and_every_wrong_one_is_named() {
        let (stage, _place) = stage();
        let play = |row: &u8, part: &Stage| {
            assert!(part.at("jam.session").is_dir());
            match row {
                1 => Ok(()),
                2 => Err(Stop::Skip("no tool".to_owned())),
                _ => Err(Stop::Wrong("lost".to_owned())),
            }
        };
        let each = |rows: &[u8]| stage.each(rows, |row| format!("row {row}"), play);
        assert_eq!(each(&[3, 1, 4]), Err(Stop::Wrong("row 3: lost\nrow 4: lost".to_owned())));
        assert!(stage.skipped().is_empty());
        assert_eq!(each(&[2]), Err(Stop::Skip("row 2: no tool".to_owned())));
        assert_eq!(each(&[1, 2]), Ok(()));
        assert_eq!(stage.skipped(), ["row 2: no tool"]);
    }

    #[test]
    fn the_story_shows_commands_with_their_answers() {
        let (stage, _place) = stage();
        assert_eq!(stage.must(Command::new("/bin/echo").arg("hello")).unwrap(), "hello\n");
        assert!(stage.must(&mut Command::new("false")).is_err());
        let story = stage.story().join("\n");
        assert!(story.contains("echo hello: exit status: 0\n    |   hello") && story.contains("false: "), "{story}");
    }
}
