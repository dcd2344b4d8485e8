//! `cargo xtask lab`: real sync engines on this machine carry the messages of real `tempo` processes, and the
//! lab checks that all arrive.

mod departure;
mod flood;
mod group;
mod harm;
mod hub;
mod kind;
mod latency;
mod member;
mod options;
mod report;
mod scenario;
mod share;
mod stable;
mod syncthing;
mod veil;
mod verdict;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::Builder;

use crate::call::{self, Call};
use crate::failure::Failure;
use crate::process;
use group::Group;
use kind::Kind;
pub(crate) use options::Options;
use report::Tried;
use scenario::Scenario;
use verdict::Verdict;

/// Runs the requested scenarios, and prints their results.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let with_version = |kind: Kind| Ok((kind, kind.version()?));
    let engines = options.engines().into_iter().map(with_version).collect::<Result<Vec<_>, Failure>>()?;
    let (scenarios, seed) = (options.scenarios(), options.seed());
    scenarios.iter().try_for_each(Scenario::check)?;
    let tempo = call::build_tempo()?;
    process::heed_interruptions()?;
    let commit = commit();
    eprintln!("seed {seed}, commit {commit}");
    let mut tried = Vec::new();
    for (kind, version) in engines {
        for scenario in &scenarios {
            eprintln!("{} {version}, {}: {}", kind.name(), scenario.name, scenario.about);
            let one = attempt(kind, version.clone(), *scenario, &tempo, (options.span, seed))?;
            eprintln!("  {}", report::line(&one));
            if options.json {
                println!("{}", report::json(&one, seed, &commit));
            }
            tried.push(one);
        }
    }
    if !options.json {
        print!("{}", report::table(&tried));
    }
    match tried.iter().filter(|one| one.verdict.wrong.is_some()).count() {
        0 => Ok(()),
        count => Err(Failure::Findings { check: "lab", count }),
    }
}

/// Runs one scenario on one engine. The files of a failed scenario stay in place.
fn attempt(
    kind: Kind,
    version: String,
    scenario: Scenario,
    tempo: &Path,
    run: (Duration, u64),
) -> Result<Tried, Failure> {
    let prefix = format!("tempo-lab-{}-{}-", kind.name(), scenario.name);
    let mut place = Builder::new().prefix(&prefix).tempdir()?;
    let begun = Instant::now();
    let went = go(kind, scenario, place.path(), tempo, run);
    process::check_interruption()?;
    let (note, verdict) = match went {
        Ok((note, verdict)) => (note, verdict),
        Err(wrong) => (None, Verdict { wrong: Some(wrong), ..Verdict::default() }),
    };
    place.disable_cleanup(verdict.wrong.is_some());
    let at = place.path().to_owned();
    Ok(Tried { kind, version, scenario: scenario.name, took: begun.elapsed(), note, verdict, place: at })
}

fn go(
    kind: Kind,
    scenario: Scenario,
    place: &Path,
    tempo: &Path,
    (span, seed): (Duration, u64),
) -> Result<(Option<String>, Verdict), String> {
    // A build that runs meanwhile must not replace the program under test.
    let own = place.join("tempo");
    fs::copy(tempo, &own).map_err(|error| format!("{}: {error}", own.display()))?;
    let mut group = Group::set_up(kind, place, &own, seed)?;
    let note = scenario.run(&mut group, span)?;
    Ok((note, verdict::judge(&mut group, span)?))
}

/// Returns the commit under test, and whether the files were changed since.
fn commit() -> String {
    let described = Call::program("git", &["describe", "--always", "--dirty"]).answer();
    described.map_or_else(|_| "unknown".to_owned(), |name| String::from_utf8_lossy(&name).trim().to_owned())
}
