//! A session folder with its members, and the commands that are given to them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, process};

use super::scene::Scene;
use super::tracer::{self, Harm, Ran, Spot};
use super::watchdog::Watchdog;

/// A directory for everything, in memory where there is one: nothing here needs a disk.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) path: PathBuf,
    pub(super) is_kept: bool,
}

impl Scratch {
    pub(super) fn new(is_kept: bool) -> io::Result<Self> {
        let memory = PathBuf::from("/dev/shm");
        let name = format!("tempo-crash-{}", process::id());
        let path = memory.join(&name);
        let path = if fs::create_dir(&path).is_ok() { path } else { env::temp_dir().join(name) };
        fs::create_dir_all(&path)?;
        Ok(Self { path, is_kept })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.is_kept {
            // What stays lies in a directory for temporary things.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

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

/// What a command gave.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: Option<i32>,
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

    /// Gives a command to a member, and lets nothing happen to it.
    pub(super) fn command(&self, member: &str, words: &[&str]) -> Result<Said, String> {
        let (out, err) = (self.root.join("plain-out"), self.root.join("plain-err"));
        let asked = || -> io::Result<(Option<i32>, bool)> {
            let mut command = Command::new(&self.tempo);
            command.args(self.arguments(member, words)).stdin(Stdio::null());
            let mut child = command.stdout(File::create(&out)?).stderr(File::create(&err)?).spawn()?;
            let watchdog = Watchdog::over(child.id());
            let status = child.wait()?;
            Ok((status.code(), watchdog.has_bitten()))
        };
        let (code, hung) = asked().map_err(|error| error.to_string())?;
        if hung {
            return Err(format!("`{}` by {member} does not end", words.join(" ")));
        }
        Ok(Said { out: text_of(&out), err: text_of(&err), code })
    }

    /// The same; the answer is the output, and anything but quiet success is wrong.
    pub(super) fn must(&self, member: &str, words: &[&str]) -> Result<String, String> {
        let said = self.command(member, words)?;
        if said.code == Some(0) && said.err.is_empty() {
            return Ok(said.out);
        }
        let ended = said.code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
        Err(format!("`{}` by {member} ended {ended} and said: {}", words.join(" "), said.err.trim()))
    }

    /// Has a scene's command harmed at a spot, or watched only.
    pub(super) fn traced(&self, scene: &Scene, aim: Option<(&Spot, Harm)>) -> io::Result<(Ran, Said)> {
        let (out, err) = (self.root.join("out"), self.root.join("err"));
        let mut command = Command::new(env::current_exe()?);
        command.args(["crash", super::TRACED]).arg(&self.tempo).args(self.arguments(scene.member, scene.words));
        command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
        let ran = tracer::run(&mut command, &self.place, aim)?;
        let code = match ran.end {
            tracer::End::Code(code) => Some(code),
            _ => None,
        };
        Ok((ran, Said { out: text_of(&out), err: text_of(&err), code }))
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

fn text_of(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
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
