//! The search finds what it is there for: planted defects of publishing and keeping.

use tempo_sim::bugs::Bug;

use crate::{machine::Setup, search::Search};

#[test]
fn defects_are_found() {
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
