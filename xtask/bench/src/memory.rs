//! The cost of a message in memory and on the disk.
//!
//! Memory is measured in separate processes: the difference between what is resident with the history and
//! without it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Lab,
    child::{Arguments, Child},
    history::{History, write_packs},
    join::thousands,
    ours,
    stats::Figures,
    table::{Bound, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["memory"];

/// The first argument of a process that opens a session and measures its resident memory.
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

/// Opens the session, and returns the resident memory once all messages are there.
pub(crate) fn measure(arguments: &Arguments) -> f64 {
    let session = ours::join(&arguments.folder, &arguments.state, arguments.messages);
    ours::calm(&session);
    let resident = resident().expect("the system says it");
    session.close().expect("the store works");
    resident
}

fn in_a_process(folder: &Path, state: &Path, messages: usize) -> f64 {
    let (folder, state) = (folder.to_owned(), state.to_owned());
    Child::start(CHILD, &Arguments { folder, state, messages, seconds: 0 }).figure()
}

/// Returns the resident bytes, where the system reports them.
fn resident() -> Option<f64> {
    let status = fs::read_to_string(PathBuf::from("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024.0)
}
