//! Idle sessions: the processor time that an open session takes while nothing happens.
//!
//! One process for each folder opens a session as an application does, with a thread and hints of its own, and
//! reads the processor time of the process. All processes run at once, because they are idle.

use std::time::Duration;

use crate::{
    Lab,
    child::{Arguments, Child},
    history::{AUTHORS, write_files, write_members},
    join::thousands,
    ours,
    poll::CALMING,
    rounds::{rest, time},
    stats::Figures,
    table::{Bound, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["idle"];

/// The first argument of a process that opens a session and measures its share of a core.
pub(crate) const CHILD: &str = "--idle";

/// The number of members of the session with many, and the messages of each.
const MANY: usize = 1000;
const EACH: usize = 20;

/// Returns the rows of a folder with many files, and of one with many authors.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let files = 100_000;
    let operations = [(files, AUTHORS, 0.02), (MANY * EACH, MANY, 0.5)].map(|(files, authors, goal)| {
        (format!("idle, {} files of {} authors", thousands(files), thousands(authors)), files, goal)
    });
    if processor_time().is_none() {
        let why = "this system does not say what a process takes";
        return operations.into_iter().map(|(operation, ..)| Row::skipped("idle", operation, why)).collect();
    }
    let (few, many) = (lab.volume.folder("idle-files"), lab.volume.folder("idle-authors"));
    write_files(&few, files);
    write_members(&many, MANY, EACH);
    lab.volume.sync();
    let seconds = lab.options.pick(600, 60);
    let children = [few, many].into_iter().zip(&operations).map(|(folder, &(_, messages, _))| {
        Child::start(CHILD, &Arguments { folder, state: lab.volume.dir("idle-state"), messages, seconds })
    });
    // Both are started before the first one is waited for.
    let children: Vec<Child> = children.collect();
    let rows = children.into_iter().zip(operations).map(|(child, (operation, _, goal))| {
        let row = Row::new("idle", operation, Unit::Percent, Figures::fixed(child.figure()));
        let rougher = lab.options.pick("", ", which is rougher than the ten minutes of a whole run");
        row.floor(Bound::figure(goal)).note(format!("share of one core over {seconds} s{rougher}"))
    });
    rows.collect()
}

/// Opens the session, waits until it rests, and returns the share of a core that it takes, in percent.
pub(crate) fn measure(arguments: &Arguments) -> f64 {
    let session = ours::join(&arguments.folder, &arguments.state, arguments.messages);
    ours::calm(&session);
    rest(CALMING);
    let taken = || processor_time().expect("the system says it").as_secs_f64();
    let before = taken();
    let (passed, ()) = time(|| rest(Duration::from_secs(arguments.seconds)));
    let share = (taken() - before) * 1e9 / passed * 100.0;
    session.close().expect("the store works");
    share
}

/// Returns the processor time of this process, in its own code and in the kernel, where the system reports it.
#[cfg(unix)]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.try_into().ok()
}

#[cfg(not(unix))]
fn processor_time() -> Option<Duration> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time_and_rest_takes_none() {
        let began = processor_time().unwrap();
        let (mut value, mut last) = (1_u64, began);
        // deadline loop: ends when the clock has moved
        while last < began + Duration::from_millis(2) {
            value = std::hint::black_box(value.wrapping_mul(3));
            last = processor_time().unwrap();
        }
        assert!(last > began);
    }
}
