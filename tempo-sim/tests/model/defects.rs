//! Proof that the model can fail: each planted defect violates the property that it should.

use crate::{
    config::{Config, Defect},
    properties as rules,
    run::finds,
};

const THREE: Config = Config::members("three members", &[1, 1, 1]);
const CRASH: Config = Config::members("two members, a crash, heads", &[2, 1]).crashes(1).heads(2);
const LATE: Config = Config::members("a late member", &[2]).joiner(1).heads(1);
const RETIRED: Config = Config::members("one retired", &[2, 2]).heads(1).retires(0, 1);
const CLONE: Config = Config::members("a clone", &[2, 1]).clone_of_first(1);

#[test]
fn a_message_accepted_before_its_causes() {
    finds(Defect::NoCausalHold, THREE, rules::CAUSES_FIRST);
    finds(Defect::NoCausalHold, Config::members("two members", &[2, 1]), rules::FIFO);
}

#[test]
fn a_clock_that_is_believed() {
    finds(Defect::ClockBelieved, THREE.liar(0), rules::CLOCK);
}

#[test]
fn a_timeline_in_order_of_arrival() {
    finds(Defect::Appended, THREE, rules::SORTED);
}

#[test]
fn a_message_known_by_its_counter() {
    finds(Defect::KnownByCounter, CLONE, rules::COMPLETE);
}

#[test]
fn a_follower_of_a_message_known_by_its_counter() {
    finds(Defect::KnownByCounter, CLONE, rules::NO_WAITING);
}

#[test]
fn a_message_published_before_it_is_committed() {
    finds(Defect::PublishedBeforeCommit, CRASH, rules::KEPT);
    finds(Defect::PublishedBeforeCommit, CRASH, rules::COUNTERS);
}

#[test]
fn a_message_committed_without_its_causes() {
    finds(Defect::CausesNotCommitted, CRASH, rules::OWN);
}

#[test]
fn a_counter_from_the_folder() {
    finds(Defect::CounterFromFolder, CRASH, rules::COUNTERS);
}

#[test]
fn a_message_not_published_after_a_crash() {
    finds(Defect::NotRepublished, CRASH, rules::COMPLETE);
}

#[test]
fn a_message_whose_name_is_taken() {
    finds(Defect::OccupiedSkipped, CLONE, rules::COMPLETE);
}

#[test]
fn a_follower_of_a_message_whose_name_is_taken() {
    finds(Defect::OccupiedSkipped, CLONE, rules::NO_WAITING);
}

#[test]
fn a_message_without_parents() {
    finds(Defect::ParentsForgotten, CRASH, rules::NOTHING_BELOW);
}

#[test]
fn a_prefix_that_waits_for_some_only() {
    finds(Defect::MemberIgnored, THREE.heads(1), rules::NOTHING_BELOW);
    finds(Defect::MemberIgnored, THREE.heads(1), rules::RELATED);
}

#[test]
fn a_head_that_claims_what_is_not_durable() {
    finds(Defect::HeadUndurable, CRASH, rules::NOTHING_BELOW);
}

#[test]
fn a_head_believed_before_its_messages() {
    finds(Defect::HeadBeforeMessages, THREE.heads(1), rules::NOTHING_BELOW);
    finds(Defect::HeadBeforeMessages, Config::members("two members", &[2, 2]).heads(1), rules::TOLD);
}

#[test]
fn a_prefix_that_is_not_durable() {
    finds(Defect::PrefixUndurable, CRASH, rules::GROWS);
    finds(Defect::PrefixUndurable, CRASH, rules::NOTHING_BELOW);
}

#[test]
fn a_prefix_without_memory() {
    let members = Config::members("two members", &[1, 1]).heads(2);
    finds(Defect::PrefixForgotten, members, rules::GROWS);
    finds(Defect::PrefixForgotten, CRASH, rules::GROWS);
}

#[test]
fn a_retirement_that_depends_on_arrival_or_never_ends() {
    finds(Defect::RetireByArrival, RETIRED, rules::RETIRED);
    finds(Defect::RetiredForEver, RETIRED, rules::RETIRED);
    finds(Defect::RetiredIsWaitedFor, RETIRED, rules::UNDELAYED);
}

#[test]
fn a_late_member_below_the_prefix() {
    finds(Defect::LateJoinUnnoticed, LATE, rules::TOLD);
}
