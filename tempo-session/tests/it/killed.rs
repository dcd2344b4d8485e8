//! Processes that are killed while they move a file: it arrives all the same.

use std::{
    env, fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cli::{run, tempo},
    cutoff::Chance,
    support::Place,
};

/// The number of times that each side is started, and killed unless it is done before.
const ROUNDS: usize = 20;
/// A process lives for less than this long for each MiB of the file.
const LIFE: Duration = Duration::from_millis(7);

/// Returns the size of the file: two parts, or `TEMPO_TAKE_MIB`.
fn mib() -> usize {
    env::var("TEMPO_TAKE_MIB").map_or(96, |mib| mib.parse().unwrap())
}

fn make_take(path: &Path, chance: &mut Chance) {
    let mut take = BufWriter::new(fs::File::create(path).unwrap());
    for _ in 0..mib() * 1024 * 128 {
        take.write_all(&chance.next().to_le_bytes()).unwrap();
    }
    take.into_inner().unwrap().sync_all().unwrap();
}

/// Starts a command that runs until it is done or killed. Its input stays open.
fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a process after some time, if it still runs then. Returns whether it was killed.
fn killed(mut child: Child, after: Duration) -> bool {
    let end = Instant::now() + after;
    loop {
        let has_ended = child.try_wait().unwrap().is_some();
        if has_ended || Instant::now() >= end {
            if !has_ended {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            return !has_ended;
        }
        // A deadline loop: the processes need the processor.
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn life(chance: &mut Chance) -> Duration {
    LIFE * u32::try_from(chance.between(0, 1000) * mib()).unwrap() / 1000
}

/// Returns the only file that messages name, as an observer sees it.
fn listed(place: &Place) -> Option<Value> {
    let (files, _, _) = run(tempo(&place.at("nobody")).args(["files", "--json"]).arg(&place.folder));
    let files: Value = serde_json::from_str(files.trim()).unwrap();
    let files = files["files"].as_array().unwrap().clone();
    assert!(files.len() <= 1, "it was sent once: {files:?}");
    files.into_iter().next()
}

fn messages(place: &Place, member: &str) -> usize {
    run(tempo(&place.at(member)).arg("log").arg(&place.folder)).0.lines().count()
}

#[test]
fn a_file_arrives_although_both_sides_are_killed() {
    let (place, mut chance) = (Place::new(), Chance::new());
    let (path, out) = (place.at("take.wav"), place.at("out"));
    make_take(&path, &mut chance);
    fs::create_dir(&out).unwrap();
    let chat = |member: &str| start(tempo(&place.at(member)).arg("chat").arg(&place.folder));
    let sending = || {
        let mut command = tempo(&place.at("ana"));
        command.arg("send").arg(&place.folder).arg("listen").arg("--file").arg(&path);
        command
    };
    let get = || start(tempo(&place.at("ben")).arg("get").arg(&place.folder).arg("take.wav").arg("--to").arg(&out));
    let mut kills = [0, 0];
    for _ in 0..ROUNDS {
        // What is in her store is on its way, and is not sent again.
        let ana = if messages(&place, "ana") > 0 { chat("ana") } else { start(&mut sending()) };
        let ben = if listed(&place).is_some() { get() } else { chat("ben") };
        let lives = [life(&mut chance), life(&mut chance)];
        kills[0] += usize::from(killed(ana, lives[0]));
        kills[1] += usize::from(killed(ben, lives[1].saturating_sub(lives[0])));
        fs::read_dir(&out).unwrap().for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
    }
    println!("killed {} and {} times", kills[0], kills[1]);
    assert!(kills[0] > 0 && kills[1] > 0);
    if messages(&place, "ana") == 0 {
        let (_, err, code) = run(&mut sending());
        assert_eq!((code, err.as_str()), (0, ""));
    }
    let mut ana = chat("ana");
    let (got, err, code) =
        run(tempo(&place.at("ben")).arg("get").arg(&place.folder).arg("take.wav").arg("--to").arg(&out));
    ana.kill().unwrap();
    ana.wait().unwrap();
    assert_eq!(code, 0, "{err}");
    let got = PathBuf::from(got.trim());
    assert!(fs::read(&got).unwrap() == fs::read(&path).unwrap(), "{} differs", got.display());
    assert_eq!(listed(&place).unwrap()["place"], "here");
    assert_eq!(messages(&place, "ben"), 1);
}
