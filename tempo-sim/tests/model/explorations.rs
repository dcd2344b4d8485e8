//! The correct protocol, within bounds, in every order of events.

use crate::{config::Config, run};

#[test]
fn members_whose_machines_never_fail() {
    run::explore(Config::members("three members", &[2, 1, 1]), 1);
    run::explore(Config::members("two members, slow", &[2, 1]).slow(), 1);
    run::explore(Config::members("two members, heads", &[2, 1]).heads(2), 1);
}

#[test]
fn members_whose_power_fails() {
    run::explore(Config::members("two members, a crash, heads", &[2, 1]).crashes(1).heads(2), 1);
    run::explore(Config::members("three members, a crash", &[1, 1, 1]).crashes(1), 1);
}

#[test]
fn a_member_that_joins_late() {
    run::explore(Config::members("one member, a late one", &[2]).joiner(2).heads(2), 1);
    run::explore(Config::members("two members, a late one", &[1, 1]).joiner(1).heads(1), 1);
}

#[test]
fn a_store_that_is_in_use_twice() {
    run::explore(Config::members("a clone", &[2, 1]).clone_of_first(1), 1);
    run::explore(Config::members("a clone that continues", &[2, 1]).clone_of_first(1).mints(), 1);
}

#[test]
fn a_member_that_lies_about_its_clock() {
    run::explore(Config::members("a liar", &[2, 1, 1]).liar(0), 1);
}

#[test]
fn a_member_that_is_retired() {
    run::explore(Config::members("two members, one retired", &[2, 2]).heads(1).retires(0, 1), 1);
    run::explore(Config::members("two members, one leaves", &[2, 2]).heads(1).retires(1, 1), 1);
}

/// The long form: `TEMPO_MODEL=long cargo test --release -p tempo-sim --test model -- --nocapture`.
#[test]
fn a_million_states_on_request() {
    if std::env::var("TEMPO_MODEL").as_deref() != Ok("long") {
        return;
    }
    let states = run::explore_all([
        Config::members("three members", &[3, 2, 2]),
        Config::members("three members, slow", &[2, 1, 1]).slow(),
        Config::members("two members, heads", &[3, 3]).heads(2),
        Config::members("three members, heads", &[1, 1, 1]).heads(3),
        Config::members("three members, one head", &[2, 2, 1]).heads(1),
        Config::members("two members, a crash, heads", &[2, 2]).crashes(1).heads(2),
        Config::members("two members, two crashes, heads", &[2, 2]).crashes(2).heads(2),
        Config::members("three members, a crash", &[2, 1, 1]).crashes(1),
        Config::members("three members, two crashes", &[1, 1, 1]).crashes(2),
        Config::members("three members, a crash, one head", &[1, 1, 1]).crashes(1).heads(1),
        Config::members("two members, a late one, heads", &[1, 1]).joiner(1).heads(3),
        Config::members("two members, a late one, crash", &[1, 1]).joiner(1).crashes(1).heads(1),
        Config::members("a clone", &[3, 1]).clone_of_first(2),
        Config::members("a clone, a crash", &[2, 1]).clone_of_first(2).crashes(1),
        Config::members("a clone that continues", &[3, 1]).clone_of_first(2).mints(),
        Config::members("a clone that continues, a crash", &[2, 1]).clone_of_first(1).mints().crashes(1),
        Config::members("a liar", &[2, 2, 2]).liar(0),
        Config::members("three members, one retired", &[2, 1, 1]).heads(2).retires(0, 2),
        Config::members("two members, one retired, a crash", &[2, 2]).heads(1).crashes(1).retires(0, 1),
        Config::members("two members, one retired, heads", &[3, 2]).heads(2).retires(0, 1),
    ]);
    assert!(states >= 1_000_000, "{states} states are too few");
}
