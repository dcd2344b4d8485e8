//! A session folder with its members, and the commands that are given to them.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tracer::{self, Harm, Ran, Spot};
use super::watchdog::PATIENCE;
use crate::process;

/// One place of its own for a scene, which is set up once, and brought back for every point.
///
/// The path of the place stays the same, because members remember it; and so do its files, because a store that lies in
/// another file than before is a copy.
#[derive(Debug)]
pub(super) struct World {
    tempo: PathBuf,
    root: PathBuf,
    pub(super) place: PathBuf,
}

/// The output of a command that was traced.
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

    /// An empty place.
    pub(super) fn clear(&self) -> io::Result<()> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place)?;
        }
        fs::create_dir(&self.place)?;
        fs::create_dir(self.folder())
    }

    /// Keeps the place as it is.
    pub(super) fn keep(&self) -> io::Result<()> {
        put_back(&self.place, &self.root.join("kept"))
    }

    /// Brings the place back that was kept.
    pub(super) fn restore(&self) -> io::Result<()> {
        put_back(&self.root.join("kept"), &self.place)
    }

    /// Gives a command to a member and lets nothing happen to it. Anything but quiet success is wrong.
    pub(super) fn must(&self, member: &str, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.tempo);
        command.args(self.arguments(member, words));
        let said = process::run(&mut command, &self.root.join("plain"), PATIENCE)?;
        if said.status.success() && said.err.is_empty() {
            return Ok(said.out);
        }
        Err(format!("`{}` by {member} ended with {} and said: {}", words.join(" "), said.status, said.err.trim()))
    }

    /// Has a member's command harmed at a spot, or watched only.
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

    /// The command's name, the folder, and what comes after.
    fn arguments(&self, member: &str, words: &[&str]) -> Vec<String> {
        let mut arguments = vec!["--state".to_owned(), self.place.join(member).display().to_string()];
        let (name, rest) = words.split_first().map_or(("", &[][..]), |(name, rest)| (*name, rest));
        arguments.extend([name.to_owned(), self.folder().display().to_string()]);
        arguments.extend(rest.iter().map(|&word| word.to_owned()));
        arguments
    }
}

/// Makes a directory hold what another one holds. Files that are there already stay the same files.
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
            // Writes into the file that is there.
            fs::write(target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
