//! The cost of a message in memory and on the disk.
//!
//! Memory is measured in separate processes: the difference between what is resident with the history and
//! without it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempo_session::Session;

use crate::{
    Lab,
    history::{History, write_packs},
    join::thousands,
    ours,
    stats::Figures,
    table::{Bound, Row, Unit},
    volume::INSIDE,
};

pub(crate) const KEYS: &[&str] = &["memory"];

/// The first argument of a process that opens a session and reports its resident memory. The folder, the
/// state and the number of messages follow.
pub(crate) const CHILD: &str = "--resident";

/// Returns the rows of a session that was joined in this process, and of one that was joined earlier.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let (messages, rounds) = lab.options.pick((1_000_000, 3), (50_000, 3));
    let operation = |how: &str| format!("memory a message, {} {how}", thousands(messages));
    if resident().is_none() {
        return vec![Row::skipped("memory", operation("open"), "this system does not say what is resident")];
    }
    let (large, small) = (lab.volume.folder("memory"), lab.volume.folder("memory-idle"));
    write_packs(&large, &mut History::new(), messages);
    // Both sessions have four authors, so the difference is due to the messages.
    let few = 8;
    write_packs(&small, &mut History::new(), few);
    lab.volume.sync();
    let (mut joined, mut reopened) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        let (state, idle) = (lab.volume.dir("memory-state"), lab.volume.dir("memory-state"));
        for figures in [&mut joined, &mut reopened] {
            let with = in_a_process(&large, &state, messages);
            let without = in_a_process(&small, &idle, few);
            figures.push((with - without) / messages as f64);
        }
    }
    let row = |how, figures| {
        let row = Row::new("memory", operation(how), Unit::Bytes, figures).floor(Bound::figure(64.0));
        row.note("resident, in a process of its own, above a session of 8 messages")
    };
    vec![row("reopened", reopened), row("joined", joined)]
}

/// Opens the session, and prints the resident memory once all messages are there.
pub(crate) fn tell_resident(arguments: &[String]) {
    let [folder, state, messages] = arguments else { panic!("a folder, a state directory and a number") };
    let session: Session = ours::join(Path::new(folder), Path::new(state), messages.parse().expect("a number"));
    ours::calm(&session);
    println!("{}", resident().expect("the system says it"));
    session.close().expect("the store works");
}

fn in_a_process(folder: &Path, state: &Path, messages: usize) -> f64 {
    let output = Command::new(env::current_exe().expect("this program has a path"))
        .args([INSIDE, CHILD])
        .args([folder, state])
        .arg(messages.to_string())
        .stderr(Stdio::inherit())
        .output()
        .expect("this program starts");
    assert!(output.status.success(), "the session of {messages} messages has failed");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Returns the resident bytes, where the system reports them.
fn resident() -> Option<f64> {
    let status = fs::read_to_string(PathBuf::from("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024.0)
}
