//! The search finds the planted defects of publishing and storing that it is designed for.

use tempo_sim::bugs::Bug;

use crate::{machine::Setup, search::Search};

#[test]
fn the_search_finds_planted_defects() {
    for bug in [
        Bug::InPlace,
        Bug::NoMend,
        Bug::NoSweep,
        Bug::NoAudit,
        Bug::LazySend,
        Bug::AuditByLength,
        Bug::AuditedTooEarly,
        Bug::CounterFromStoreMinusOne,
        Bug::LifeForgotten,
        Bug::PackUnsynced,
        Bug::PackNotMended,
    ] {
        let longest = if [Bug::CounterFromStoreMinusOne, Bug::PackNotMended].contains(&bug) { 3 } else { 2 };
        let mut search = Search::new(Setup::default(), longest);
        search.bug = Some(bug);
        let failure = search.run().failure;
        println!("{bug}: {}", failure.as_deref().unwrap_or("-").lines().next().unwrap_or_default());
        assert!(failure.is_some(), "{bug} is not found: {}", bug.about());
    }
}
