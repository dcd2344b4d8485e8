//! `cargo xtask reader`: compares `docs/reader.py`, written from the format's description alone, with the
//! `tempo` command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fs_err as fs;
use serde_json::Value;

use crate::call::build_tempo;
use crate::failure::Failure;
use crate::workspace;

const READER: &str = "docs/reader.py";
/// Changes the last letter of a message and repairs the digest, as somebody does who has no key.
const FORGE: &str = "
import sys
from blake3 import blake3
path = sys.argv[1]
data = bytearray(open(path, 'rb').read()[:-32])
data[-65] ^= 1
open(path, 'wb').write(bytes(data) + blake3(bytes(data)).digest())
";
/// The package that the reader needs, as pip names it.
const BLAKE3: &str = "blake3==1.0.11";

/// Makes a session folder with the `tempo` command and compares what both programs read in it.
pub(crate) fn run() -> Result<(), Failure> {
    let python = python()?;
    let scene = Scene::new(build_tempo()?)?;
    scene.play(&python)?;
    let shown = objects(&scene.tempo("eve", &["log", "--json", &scene.folder])?);
    let mut reader = Command::new(&python);
    let Output { stdout, stderr, .. } =
        output(reader.arg(workspace::root().join(READER)).args(["--json", &scene.folder]))?;
    let (read, remarks) = (objects(&stdout), String::from_utf8_lossy(&stderr));
    let mut findings = Vec::new();
    if read != shown || shown.len() < 80 {
        findings.push(format!("{READER} reads {} messages and `tempo log` {}, or others", read.len(), shown.len()));
    }
    let missing = ["fork: ", "held: ", "gap: ", "not read: ", "not proven: "]
        .into_iter()
        .filter(|remark| !remarks.contains(remark));
    findings.extend(missing.map(|remark| format!("{READER} does not say `{remark}` but:\n{remarks}")));
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("{READER} reads the same {} messages as `tempo log`", read.len()),
        count => {
            println!("The folder is {}", scene.folder);
            return Err(Failure::Findings { check: "reader", count });
        }
    }
    Ok(())
}

/// A session folder and the states of its members. They are kept until the next run.
struct Scene {
    tempo: PathBuf,
    dir: PathBuf,
    folder: String,
}

impl Scene {
    fn new(tempo: PathBuf) -> Result<Self, Failure> {
        let dir = workspace::root().join("target/reader");
        let folder = dir.join("jam.session");
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { tempo, dir, folder: folder.display().to_string() })
    }

    /// Plays packs, a rename, files of one part and of two, a relay, a retirement, a fork, concurrent messages, conflict
    /// copies, junk, a forgery, and a message that waits for another.
    fn play(&self, python: &Path) -> Result<(), Failure> {
        for (member, name) in [("ana", "Ana"), ("ben", "Ben ☃"), ("cleo", "Cleo"), ("dana", "Dana")] {
            self.tempo(member, &["chat", "--name", name, &self.folder])?;
        }
        self.send("ana", (1..=70).map(|number| format!("ana {number}")))?;
        self.tempo("ana", &["chat", "--name", "Anna", &self.folder])?;
        self.send("ana", (71..=80).map(|number| format!("anna {number}")))?;
        self.tempo("ana", &["pack", &self.folder])?;
        self.send_files()?;
        self.send("ben", ["hello".to_owned(), "two\nlines\u{1b}[31m".to_owned()])?;
        let ben = self.author("ben")?;
        self.tempo("ana", &["log", &self.folder])?;
        fs::remove_dir_all(&ben)?;
        self.tempo("ana", &["relay", &self.folder, "Ben ☃"])?;
        // What Ana writes next comes after this, so a reader must accept it.
        self.tempo("ana", &["retire", &self.folder, "Ben ☃"])?;
        self.send("ana", ["after the retirement".to_owned()])?;
        self.fork("cleo")?;
        // Dana has not seen Ana's messages, so Dana's come first although their clock times are later.
        let (ana, dana, away) = (self.author("ana")?, self.author("dana")?, self.dir.join("away"));
        fs::rename(&ana, &away)?;
        self.send("dana", ["first".to_owned(), "second".to_owned(), "third".to_owned()])?;
        fs::rename(&away, &ana)?;
        let file = |counter: u64| dana.join(format!("{counter:016x}"));
        fs::copy(file(2), dana.join("0000000000000002 (conflicted copy)"))?;
        fs::copy(file(4), dana.join("0000000000000004 (2)"))?;
        output(Command::new(python).args(["-c", FORGE]).arg(dana.join("0000000000000004 (2)")))?;
        fs::remove_file(file(3))?;
        Ok(fs::write(file(9), "no message")?)
    }

    /// Sends twice under one number, with the member's local state restored in between.
    fn fork(&self, member: &str) -> Result<(), Failure> {
        let own = self.author(member)?;
        let store = own.file_name().map(|name| self.dir.join(member).join(name).join("store.redb")).unwrap_or_default();
        let (head, second) = (own.join("head"), own.join("0000000000000002"));
        let kept = fs::read(&store)?;
        let kept_head = fs::read(&head)?;
        self.send(member, ["one".to_owned()])?;
        let first = fs::read(&second)?;
        fs::remove_file(&second)?;
        fs::write(&store, kept)?;
        fs::write(&head, kept_head)?;
        self.send(member, ["another".to_owned()])?;
        Ok(fs::write(own.join("0000000000000002.sync-conflict"), first)?)
    }

    /// Sends a file of one part and one of two with a message, and releases one of them.
    fn send_files(&self) -> Result<(), Failure> {
        let files = [("note ♪", 100), ("take.wav", 70_000_000)].map(|(name, len)| (self.dir.join(name), vec![7; len]));
        let mut words = vec!["send".to_owned(), self.folder.clone(), "two files".to_owned()];
        for (path, content) in &files {
            fs::write(path, content)?;
            words.extend(["--file".to_owned(), path.display().to_string()]);
        }
        self.tempo("ana", &words.iter().map(String::as_str).collect::<Vec<_>>())?;
        self.tempo("ana", &["release", &self.folder, "note ♪"]).map(drop)
    }

    fn send(&self, member: &str, texts: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        let texts: Vec<String> = texts.into_iter().collect();
        let words = ["send", &self.folder].into_iter().chain(texts.iter().map(String::as_str));
        self.tempo(member, &words.collect::<Vec<_>>()).map(drop)
    }

    /// Runs the command as a member and returns what it prints.
    fn tempo(&self, member: &str, words: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new(&self.tempo);
        Ok(output(command.arg("--state").arg(self.dir.join(member)).args(words))?.stdout)
    }

    /// Returns the directory of the folder where a member writes.
    fn author(&self, member: &str) -> Result<PathBuf, Failure> {
        let state = self.dir.join(member);
        let entries = fs::read_dir(&state)?;
        let own = entries.flatten().find(|entry| entry.path().is_dir());
        let own = own.ok_or_else(|| format!("{} holds no installation", state.display()))?;
        Ok(Path::new(&self.folder).join(own.file_name()))
    }
}

/// Returns a Python that has the package: the system's, or one in the target directory.
fn python() -> Result<PathBuf, Failure> {
    let own = workspace::root().join("target/reader-python");
    let pythons = [PathBuf::from("python3"), own.join("bin/python")];
    let find = || pythons.iter().find(|python| output(Command::new(python).args(["-c", "import blake3"])).is_ok());
    if let Some(python) = find() {
        return Ok(python.clone());
    }
    let install = || {
        output(Command::new("python3").args(["-m", "venv"]).arg(&own))?;
        output(Command::new(own.join("bin/python")).args(["-m", "pip", "install", "--quiet", BLAKE3]))
    };
    match install() {
        Ok(_) => Ok(own.join("bin/python")),
        Err(failure) => Err(Failure::Skipped { why: format!("{BLAKE3} cannot be installed: {failure}") }),
    }
}

/// Reads a timeline's lines as objects, whose members have no order.
fn objects(lines: &[u8]) -> Vec<Option<Value>> {
    String::from_utf8_lossy(lines).lines().map(|line| serde_json::from_str(line).ok()).collect()
}

/// Runs a program to its end.
fn output(command: &mut Command) -> Result<Output, Failure> {
    let shown = format!("{command:?}");
    match command.output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(Output { status, stderr, .. }) => {
            let why = format!("{status}: {}", String::from_utf8_lossy(&stderr).trim());
            Err(Failure::Unanswered { command: shown, why })
        }
        Err(source) => Err(Failure::NotStarted { command: shown, source }),
    }
}
