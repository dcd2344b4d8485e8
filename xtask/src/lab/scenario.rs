//! The scenarios: what happens while three members talk.

use std::time::{Duration, Instant};

use super::group::{Group, MEMBERS};
use super::harm::{self, HARMS, Harm, JOINS};
use super::latency;
use super::veil::Veil;

/// A story that can be asked for by its name.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    run: fn(&mut Group, Duration) -> Result<Option<String>, String>,
}

impl Scenario {
    /// Lets it happen, for about so long; the answer is what is worth telling besides.
    pub(super) fn run(&self, group: &mut Group, span: Duration) -> Result<Option<String>, String> {
        (self.run)(group, span)
    }
}

/// Each in turn, when none is asked for.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "calm", about: "nothing happens", run: |group, span| quiet(group, span, Group::talk) },
    Scenario { name: "partition", about: "each is offline in turn", run: partition },
    Scenario { name: "kill", about: "the engine and tempo are killed at random", run: kill },
    Scenario { name: "burst", about: "a thousand messages at once from each", run: burst },
    Scenario {
        name: "clone",
        about: "two members with one store",
        run: |group, span| after_a_while(group, span, harm::clone_store),
    },
    Scenario { name: "delete", about: "a directory is removed, then the whole session", run: delete },
    Scenario {
        name: "rollback",
        about: "a member's folder is put back to an earlier copy",
        run: |group, span| after_a_while(group, span, harm::roll_back),
    },
    Scenario {
        name: "conflict",
        about: "the same names are made on two sides",
        run: |group, span| after_a_while(group, span, harm::take_names),
    },
    Scenario { name: "pack", about: "everybody packs, twice", run: pack },
    Scenario {
        name: "late",
        about: "a fourth joins with an old copy of the folder",
        run: |group, span| after_a_while(group, span, harm::join_late),
    },
    Scenario { name: "evict", about: "a member's files cannot be read for a while", run: evict },
    Scenario { name: "latency", about: "from send to event, beside a plain file", run: latency::measure },
];

/// Everything at random; only when it is asked for.
pub(super) const ALL: Scenario = Scenario { name: "all", about: "all of it at random", run: all };

fn quiet(group: &mut Group, span: Duration, harm: Harm) -> Result<Option<String>, String> {
    harm(group, span).map(|()| None)
}

/// A harm that needs messages that are there already.
fn after_a_while(group: &mut Group, span: Duration, harm: Harm) -> Result<Option<String>, String> {
    group.talk(span / 3)?;
    quiet(group, span * 2 / 3, harm)
}

fn partition(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    let share = span / 4;
    (0..MEMBERS).try_for_each(|who| harm::cut_off_member(group, who, share))?;
    quiet(group, share, Group::talk)
}

fn kill(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    let end = Instant::now() + span;
    let mut killed = 0;
    while Instant::now() < end {
        let kill = if group.rng.bool() { harm::kill_engine } else { harm::kill_tempo };
        let pause = Duration::from_millis(group.rng.u64(300..4000));
        kill(group, pause)?;
        killed += 1;
    }
    Ok(Some(format!("{killed} killed")))
}

fn burst(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    quiet(group, span / 2, Group::talk)?;
    harm::burst(group, 1000, span / 2).map(|()| None)
}

fn delete(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    after_a_while(group, span / 2, harm::remove_directory)?;
    quiet(group, span / 2, harm::remove_session)
}

fn pack(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    for _ in 0..2 {
        group.talk(span / 2)?;
        (0..MEMBERS).try_for_each(|who| harm::pack_member(group, who))?;
    }
    quiet(group, span / 4, Group::talk)
}

fn evict(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    group.veil = Some(Veil::over(group, 1)?);
    group.talk(span / 3)?;
    group.veil.iter().for_each(Veil::freeze);
    let talked = group.talk(span / 3);
    group.veil.iter().for_each(Veil::thaw);
    talked?;
    quiet(group, span / 3, Group::talk)
}

fn all(group: &mut Group, span: Duration) -> Result<Option<String>, String> {
    let end = Instant::now() + span;
    let join_at = Instant::now() + span / 2;
    let mut done = 0;
    while Instant::now() < end {
        let pause = Duration::from_millis(group.rng.u64(1000..10_000));
        let is_joining = group.members.len() == MEMBERS && join_at <= Instant::now();
        let harms = if is_joining { JOINS } else { HARMS };
        let Some(&(name, harm)) = harms.get(group.rng.usize(..harms.len())) else { continue };
        eprintln!("{:>6.0} s to go: {name}", end.saturating_duration_since(Instant::now()).as_secs_f64());
        harm(group, pause).map_err(|why| format!("{name}: {why}"))?;
        done += 1;
    }
    Ok(Some(format!("{done} harms")))
}
