//! Explorations and their reports.

use std::{thread, time::Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

use crate::{
    action::Action,
    config::{Config, Defect},
    state::State,
};

/// Explores everything within the bounds. Every `always` must hold, and every `sometimes` must happen.
pub(crate) fn explore(config: Config, threads: usize) -> usize {
    let start = Instant::now();
    let checker = config.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!(
        "{:<34} {states:>9} unique states, {:>9} steps, depth {:>2}, {:>6.1} s",
        config.name,
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f32(),
    );
    for property in config.properties() {
        if let (Expectation::Always, Some(path)) = (&property.expectation, checker.discovery(property.name)) {
            panic!("{}: violated: {}\n{}", config.name, property.name, told(path));
        }
    }
    for property in config.properties() {
        let is_seen = checker.discovery(property.name).is_some();
        assert!(
            is_seen || property.expectation != Expectation::Sometimes,
            "{}: never happened: {}",
            config.name,
            property.name
        );
    }
    states
}

/// Explores the configurations one after the other with every processor. Returns the total number of states.
pub(crate) fn explore_all(configs: impl IntoIterator<Item = Config>) -> usize {
    let start = Instant::now();
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let states = configs.into_iter().map(|config| explore(config, threads)).sum();
    println!("{states} unique states in {:.0} s", start.elapsed().as_secs_f32());
    states
}

/// Plants a defect in a correct configuration and prints the shortest way that violates `expected`.
pub(crate) fn finds(defect: Defect, config: Config, expected: &'static str) {
    let config = config.with(defect);
    let mut shortest = None;
    let mut limit = usize::MAX;
    // The checker may miss shorter ways in the block of states where it finds one.
    while let Some(path) = search(config, expected, limit) {
        limit = path.clone().into_actions().len() + 1;
        shortest = Some(path);
    }
    let path = shortest.unwrap_or_else(|| panic!("{defect:?} does not violate: {expected}"));
    println!("{defect:?} in {:?}, {} steps to violate: {expected}\n{}", config.name, limit - 1, told(path));
}

/// Returns a way to violate a rule within `limit` states.
fn search(config: Config, rule: &'static str, limit: usize) -> Option<Path<State, Action>> {
    let until = HasDiscoveries::AnyOf([rule].into());
    config.checker().target_max_depth(limit).finish_when(until).spawn_bfs().join().discovery(rule)
}

/// Formats a trace, one step to a line.
fn told(path: Path<State, Action>) -> String {
    path.into_actions().iter().map(|action| format!("    {action:?}\n")).collect()
}
