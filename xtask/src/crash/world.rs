//! A session folder with its members, and the commands that they run.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tracer::{self, Harm, Ran, Spot};
use super::watchdog::PATIENCE;
use crate::process;

/// A separate place for a scene, which is set up once and restored for every point.
///
/// The path of the place stays the same, because members remember it. Its files stay the same as well,
/// because a store in another file than before is a copy.
#[derive(Debug)]
pub(super) struct World {
    tempo: PathBuf,
    root: PathBuf,
    pub(super) place: PathBuf,
}

/// The output of a traced command.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) out: String,
    pub(super) err: String,
}

impl World {
    pub(super) fn new(tempo: &Path, root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { tempo: tempo.to_owned(), place: root.join("place"), root })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.place.join("jam.session")
    }

    /// Empties the place.
    pub(super) fn clear(&self) -> io::Result<()> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place)?;
        }
        fs::create_dir(&self.place)?;
        fs::create_dir(self.folder())
    }

    /// Saves the present state of the place.
    pub(super) fn keep(&self) -> io::Result<()> {
        put_back(&self.place, &self.root.join("kept"))
    }

    /// Restores the saved state of the place.
    pub(super) fn restore(&self) -> io::Result<()> {
        put_back(&self.root.join("kept"), &self.place)
    }

    /// Runs a command for a member without harm. Anything but quiet success is an error.
    pub(super) fn must(&self, member: &str, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.tempo);
        command.args(self.arguments(member, words));
        let said = process::run(&mut command, &self.root.join("plain"), PATIENCE)?;
        if said.status.success() && said.err.is_empty() {
            return Ok(said.out);
        }
        Err(format!("`{}` by {member} ended with {} and said: {}", words.join(" "), said.status, said.err.trim()))
    }

    /// Runs a member's command and harms it at a spot, or only watches it.
    pub(super) fn traced(
        &self,
        (member, words): (&str, &[&str]),
        aim: Option<(&Spot, Harm)>,
    ) -> io::Result<(Ran, Output)> {
        let (out, err) = (self.root.join("out"), self.root.join("err"));
        let mut command = Command::new(env::current_exe()?);
        command.arg("traced").arg(&self.tempo).args(self.arguments(member, words));
        command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
        let ran = tracer::run(&mut command, &self.place, aim)?;
        let text = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok((ran, Output { out: text(out)?, err: text(err)? }))
    }

    /// Returns the command's name, the folder, and the remaining words.
    fn arguments(&self, member: &str, words: &[&str]) -> Vec<String> {
        let mut arguments = vec!["--state".to_owned(), self.place.join(member).display().to_string()];
        let (name, rest) = words.split_first().map_or(("", &[][..]), |(name, rest)| (*name, rest));
        arguments.extend([name.to_owned(), self.folder().display().to_string()]);
        arguments.extend(rest.iter().map(|&word| word.to_owned()));
        arguments
    }
}

/// Makes the contents of a directory equal to another's. Files that exist already stay the same files.
fn put_back(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        let is_wanted = path.file_name().is_some_and(|name| from.join(name).exists());
        match path.is_dir() {
            _ if is_wanted => {}
            true => fs::remove_dir_all(path)?,
            false => fs::remove_file(path)?,
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            put_back(&entry.path(), &target)?;
        } else {
            // Writes into the existing file.
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
