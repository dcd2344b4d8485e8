//! Costs of the messaging crates, beside the floors that the machine sets and beside comparable software.
//!
//! `cargo xtask bench` measures everything in one run, in turns, and prints one table; `cargo xtask bench
//! growth` measures costs by the length of the history. Only the ratios count: absolute times drift with the
//! machine.
//!
//! Two goals need a sync engine and are not measured here: one hop through it, and an idle session that takes
//! less of the processor than the engine beside it.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints, and may fail loudly"
)]

mod chart;
mod child;
mod cold;
mod disk;
mod floor;
mod growth;
mod history;
mod idle;
mod join;
mod latency;
mod machine;
mod members;
mod memory;
mod micro;
mod options;
mod ours;
mod peers;
mod poll;
mod reopen;
mod rounds;
mod send;
mod stats;
mod table;
mod volume;
mod watchers;

use std::{env, fs, path::Path, process::ExitCode, time::Instant};

use serde_json::{Value, json};

use machine::Machine;
use options::{Options, USAGE};
use table::Row;
use volume::Volume;

/// State that every measurement needs.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) options: Options,
    pub(crate) volume: Volume,
}

/// Rows that are measured together.
struct Group {
    keys: &'static [&'static str],
    rows: fn(&mut Lab) -> Vec<Row>,
}

const GROUPS: &[Group] = &[
    Group { keys: send::KEYS, rows: send::rows },
    Group { keys: join::KEYS, rows: join::rows },
    Group { keys: reopen::KEYS, rows: reopen::rows },
    Group { keys: poll::KEYS, rows: poll::rows },
    Group { keys: idle::KEYS, rows: idle::rows },
    Group { keys: latency::KEYS, rows: latency::rows },
    Group { keys: members::KEYS, rows: members::rows },
    Group { keys: memory::KEYS, rows: memory::rows },
    Group { keys: disk::KEYS, rows: disk::rows },
    Group { keys: micro::KEYS, rows: micro::rows },
    Group { keys: &["signed"], rows: signed },
];

/// Returns the rows of everything that signatures may make slower or larger.
fn signed(lab: &mut Lab) -> Vec<Row> {
    let mut rows = vec![send::signed(lab)];
    rows.extend(latency::signed(lab));
    rows.extend(join::signed(lab));
    rows.extend(disk::signed(lab));
    rows
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    volume::enter_namespace(&arguments);
    arguments.retain(|argument| argument != volume::INSIDE);
    if child::answer(&arguments, &[(memory::CHILD, memory::measure), (idle::CHILD, idle::measure)]) {
        return ExitCode::SUCCESS;
    }
    let keys: Vec<&str> = GROUPS.iter().flat_map(|group| group.keys).copied().collect();
    let options = match Options::parse(&arguments, &keys) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if !cfg!(unix) {
        println!("skipped: what is measured opens directories, and syncs them; this system does neither");
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let machine = Machine::this();
    let volume = Volume::new(Volume::ROOM).expect("the temporary directory can be written");
    println!("{}\n{}", machine.describe(), volume.about);
    let mut lab = Lab { options, volume };
    let (rows, picture) = if lab.options.growth {
        let (rows, plot) = growth::measure(&mut lab);
        (rows, chart::lines(&plot))
    } else {
        let rows = everything(&mut lab, began);
        let picture = chart::bars(&rows);
        (rows, picture)
    };
    // The files are written first, because a reader of the table may close the output early.
    if let Some(path) = &lab.options.json {
        write(path, &table::to_json(&rows, &about(&lab, &machine)).to_string());
    }
    if let Some(path) = &lab.options.svg {
        write(path, &picture);
    }
    print!("{}", table::show(&rows));
    if !lab.options.growth && lab.options.only.is_empty() {
        println!(
            "Two goals need a sync engine and are not measured here: one hop through it, and an idle session that takes \
             less of the processor than the engine beside it."
        );
    }
    eprintln!("{:6.1} s", began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// Returns every requested row.
fn everything(lab: &mut Lab, began: Instant) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in GROUPS {
        if lab.options.wants(group.keys) {
            eprintln!("{:6.1} s: {}", began.elapsed().as_secs_f64(), group.keys.join(", "));
            rows.extend((group.rows)(lab));
        }
    }
    rows
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// Describes the conditions under which the figures hold.
fn about(lab: &Lab, machine: &Machine) -> Value {
    json!({
        "machine": machine.to_json(),
        "volume": lab.volume.about,
        "quick": lab.options.quick,
        "payload": history::PAYLOAD,
    })
}
