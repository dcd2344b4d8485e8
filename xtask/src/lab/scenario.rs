//! The scenarios: the events while three members talk.

use std::time::{Duration, Instant};

use super::group::{Group, MEMBERS};
use super::harm::{self, HARMS, Harm, JOINS};
use super::veil::Veil;
use super::{departure, flood, latency};
use crate::failure::Failure;

/// A story that can be requested by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    story: Story,
}

#[derive(Debug, Clone, Copy)]
enum Story {
    /// All members talk, and nothing else happens.
    Talk,
    /// One harm, from the beginning.
    Harm(Harm),
    /// A harm that needs existing messages.
    Later(Harm),
    /// The second member sees its share through a [`Veil`].
    Veiled(Harm),
    /// A harm whose result is reported.
    Told(fn(&mut Group, Duration) -> Result<String, String>),
}

impl Scenario {
    /// Checks that everything is there that the scenario needs besides the engine.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Story::Veiled(_) = self.story { Veil::check() } else { Ok(()) }
    }

    /// Runs the scenario for about this long; returns what is worth reporting.
    pub(super) fn run(&self, group: &mut Group, span: Duration) -> Result<Option<String>, String> {
        let note = self.happen(group, span)?;
        if group.done == 0 && !matches!(self.story, Story::Talk) {
            return Err("nothing of what the scenario is about has happened".to_owned());
        }
        Ok(note)
    }

    fn happen(&self, group: &mut Group, span: Duration) -> Result<Option<String>, String> {
        match self.story {
            Story::Talk => group.talk(span)?,
            Story::Harm(harm) => harm(group, span)?,
            Story::Later(harm) => {
                group.talk(span / 3)?;
                harm(group, span * 2 / 3)?;
            }
            Story::Veiled(harm) => {
                group.veil(1)?;
                harm(group, span)?;
            }
            Story::Told(story) => return story(group, span).map(Some),
        }
        Ok(None)
    }
}

/// The scenarios that run by default, in order.
pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("calm", "nothing happens", Story::Talk),
    scenario("partition", "each is offline in turn", Story::Harm(partition)),
    scenario("kill", "the engine and tempo are killed at random", Story::Told(kill)),
    scenario("burst", "a thousand messages at once from each", Story::Harm(burst)),
    scenario("clone", "two members with one store", Story::Later(harm::clone_store)),
    scenario("delete", "a directory is removed, then the whole session", Story::Later(delete)),
    scenario("rollback", "a member's folder is put back to an earlier copy", Story::Later(harm::roll_back)),
    scenario("conflict", "the same names are made on two sides", Story::Later(harm::make_conflict)),
    scenario("pack", "everybody packs, twice", Story::Harm(pack)),
    scenario("late", "a fourth joins with an old copy of the folder", Story::Later(harm::join_late)),
    scenario("departure", "a member goes with its directory, and a fourth joins", Story::Told(departure::depart)),
    scenario("evict", "a member's files cannot be read for a while", Story::Veiled(evict)),
    scenario("flood", "five hundred files at once from one", Story::Told(flood::measure)),
    scenario("latency", "from send to event, beside a plain file", Story::Told(latency::measure)),
];

/// Returns the scenario of this name.
pub(super) fn named(name: &str) -> Result<Scenario, String> {
    let known = || SCENARIOS.iter().chain([&ALL]);
    let names = || known().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
    known().find(|scenario| scenario.name == name).copied().ok_or_else(|| format!("there are {}", names()))
}

/// All harms at random; only on request.
const ALL: Scenario = scenario("all", "all of it at random", Story::Told(all));

const fn scenario(name: &'static str, about: &'static str, story: Story) -> Scenario {
    Scenario { name, about, story }
}

fn partition(group: &mut Group, span: Duration) -> Result<(), String> {
    let share = span / 4;
    (0..MEMBERS).try_for_each(|who| harm::cut_off_member(group, who, share))?;
    group.talk(share)
}

fn kill(group: &mut Group, span: Duration) -> Result<String, String> {
    let end = Instant::now() + span;
    let (mut engines, mut members) = (0, 0);
    // Each happens at least once with any seed.
    while Instant::now() < end || engines == 0 || members == 0 {
        let before = group.done;
        let (kill, killed): (Harm, _) =
            if group.rng.bool() { (harm::kill_engine, &mut engines) } else { (harm::kill_tempo, &mut members) };
        let pause = Duration::from_millis(group.rng.u64(300..4000));
        kill(group, pause)?;
        *killed += group.done - before;
    }
    Ok(format!("{engines} engines and {members} members killed"))
}

fn burst(group: &mut Group, span: Duration) -> Result<(), String> {
    group.talk(span / 2)?;
    harm::burst(group, 1000, span / 2)
}

fn delete(group: &mut Group, span: Duration) -> Result<(), String> {
    harm::remove_directory(group, span / 2)?;
    harm::remove_session(group, span / 2)
}

fn pack(group: &mut Group, span: Duration) -> Result<(), String> {
    for _ in 0..2 {
        group.talk(span * 2 / 5)?;
        (0..MEMBERS).try_for_each(|who| harm::pack_member(group, who))?;
    }
    group.talk(span / 5)
}

fn evict(group: &mut Group, span: Duration) -> Result<(), String> {
    group.talk(span / 3)?;
    group.veil.iter().for_each(Veil::freeze);
    group.did("member 1 gets no answer");
    let talked = group.talk(span / 3);
    group.veil.iter().for_each(Veil::thaw);
    talked?;
    group.talk(span / 3)
}

fn all(group: &mut Group, span: Duration) -> Result<String, String> {
    let end = Instant::now() + span;
    let join_at = Instant::now() + span / 2;
    let mut done = 0;
    // Some harms need existing messages.
    group.talk(span.min(Duration::from_secs(10)))?;
    while Instant::now() < end {
        let pause = Duration::from_millis(group.rng.u64(1000..10_000));
        let is_joining = group.members.len() == MEMBERS && join_at <= Instant::now();
        let harms = if is_joining { JOINS } else { HARMS };
        let Some((name, harm)) = harm::any(harms, &mut group.rng) else { continue };
        eprintln!("{:>6.0} s to go: {name}", end.saturating_duration_since(Instant::now()).as_secs_f64());
        harm(group, pause).map_err(|why| format!("{name}: {why}"))?;
        done += 1;
    }
    Ok(format!("{done} harms"))
}
