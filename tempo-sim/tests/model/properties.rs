//! The properties that every state must have, and those that some state must have. The numbers are those of the
//! project's invariants.

use stateright::Property;

use crate::{
    config::Config,
    member::Member,
    message::{INSTALLATIONS, Messages, installation_of},
    set::Set,
    state::State,
};

pub(crate) const CAUSES_FIRST: &str = "I5 a message comes after its causes";
pub(crate) const FIFO: &str = "I4 an author's messages come in its order";
pub(crate) const SORTED: &str = "I6 the timeline contains the accepted messages, in order";
pub(crate) const PURE: &str = "I14 the accepted messages follow from the present messages alone";
pub(crate) const KEPT: &str = "I3 a sent message stays in its author's store";
pub(crate) const OWN: &str = "a member has accepted every message that it sent";
pub(crate) const COUNTERS: &str = "I9 one content for a counter of one installation";
pub(crate) const COMPLETE: &str = "I7 every member accepts everything once all is synced";
pub(crate) const NO_WAITING: &str = "no member waits forever for a message that exists";
pub(crate) const NO_END: &str = "only complete runs end";
pub(crate) const CLOCK: &str = "I13 the lamport is the longest causal chain";
pub(crate) const TOLD: &str = "I8 nothing is inserted silently into a stable prefix";
pub(crate) const GROWS: &str = "I8 the stable prefix only grows";
pub(crate) const RELATED: &str = "I8 one of two stable prefixes is a prefix of the other";
pub(crate) const NOTHING_BELOW: &str = "I8 no existing message belongs into a stable prefix without being in it";
pub(crate) const ALARMS: &str = "a late join is announced only for a late member";
pub(crate) const TO_THE_END: &str = "L3 the stable prefix reaches the end";

pub(crate) const RETIRED: &str = "D1 who is retired follows from the accepted messages alone";
pub(crate) const UNDELAYED: &str = "nobody waits for a retired author";

pub(crate) const HELD: &str = "a message was held";
pub(crate) const FORK: &str = "a fork happened";
pub(crate) const STOPPED: &str = "an author found its name in use";
pub(crate) const MIDDLE: &str = "a message was inserted in the middle of a timeline";
pub(crate) const CRASH: &str = "a crash happened between commit and publication";
pub(crate) const LATE: &str = "a late join was inserted below a stable prefix";
pub(crate) const TOLD_ALL: &str = "a whole run became stable";
pub(crate) const RETURNED: &str = "a retired author returned";
pub(crate) const BELOW: &str = "a message of a retired author was inserted below a stable prefix";
pub(crate) const REJECTED: &str = "a message was rejected";

type Rule = Property<Config>;

pub(crate) fn of(config: &Config) -> Vec<Rule> {
    let mut all = vec![
        Rule::always(CAUSES_FIRST, causes_first),
        Rule::always(FIFO, fifo),
        Rule::always(SORTED, sorted),
        Rule::always(PURE, |_, state| {
            honest(state).all(|(_, member)| member.accepted == state.messages.acceptable(member.known()))
        }),
        Rule::always(KEPT, |_, state| {
            state.present().all(|(at, member)| state.messages.made_by(at).is_within(member.known()))
        }),
        Rule::always(OWN, |_, state| state.up().all(|(_, member)| member.sent.is_within(member.accepted))),
        Rule::always(COUNTERS, one_content),
        Rule::always(COMPLETE, complete),
        Rule::always(NO_WAITING, |config, state| {
            let is_waiting = |member: &Member| !member.held().and(state.valid()).is_empty();
            state.up().all(|(_, member)| !is_waiting(member)) || !state.is_quiet(config)
        }),
        Rule::always(NO_END, no_end),
        Rule::always(CLOCK, |_, state| {
            let is_true = |slot| state.messages.at(slot).lamport == state.messages.chain(slot);
            honest(state).all(|(_, member)| member.accepted.iter().all(is_true))
        }),
        Rule::sometimes(MIDDLE, |_, state| state.can_insert_in_the_middle()),
    ];
    if config.members > 2 || config.sends.iter().any(|&sends| sends > 1) {
        all.push(Rule::sometimes(HELD, |_, state| state.up().any(|(_, member)| !member.held().is_empty())));
    }
    if config.tells() {
        all.push(Rule::always(TOLD, |_, state| {
            state.up().all(|(_, member)| missing_below(&state.messages, member, member.accepted).is_empty())
        }));
        all.push(Rule::always(GROWS, |_, state| {
            state.up().all(|(_, member)| member.told.is_within(member.stable.and(member.accepted)))
        }));
        all.push(Rule::always(ALARMS, |config, state| {
            let may_be_late = config.joiner.is_some() || config.retires.is_some();
            state.members.iter().all(|member| !member.late || may_be_late)
        }));
        all.push(Rule::always(NOTHING_BELOW, nothing_below));
    }
    if config.tells() && (0..INSTALLATIONS).all(|at| config.sends[at] == 0 || config.writes_heads(at)) {
        all.push(Rule::always(TO_THE_END, |config, state| {
            state.up().all(|(_, member)| member.told == state.messages.all()) || !state.is_stable(config)
        }));
        all.push(Rule::sometimes(TOLD_ALL, |config, state| no_more_to_send(config, state) && told_all(state)));
    }
    if config.tells() && config.is_fixed() {
        all.push(Rule::always(RELATED, |_, state| {
            let is_related = |one: &Member, other: &Member| begins(&state.messages, one.told, other.told);
            state.present().all(|(_, one)| state.present().all(|(_, other)| is_related(one, other)))
        }));
    }
    if let Some((_, about)) = config.retires {
        all.push(Rule::always(RETIRED, |_, state| state.up().all(|(_, member)| is_rightly_retired(state, member))));
        all.push(Rule::sometimes(RETURNED, |_, state| state.up().any(|(_, member)| !member.returned.is_empty())));
        if config.tells() && (0..about).all(|author| config.writes_heads(author.into())) {
            all.push(Rule::always(UNDELAYED, |config, state| {
                let about = config.retires.map_or(0, |(_, about)| about);
                let is_told = |member: &Member| {
                    let waits = !member.is_retired(about, member.accepted, &state.messages);
                    waits || member.author == about || member.told == state.messages.all()
                };
                state.up().all(|(_, member)| is_told(member)) || !state.is_stable(config)
            }));
            all.push(Rule::sometimes(BELOW, |_, state| state.members.iter().any(|member| member.late)));
        }
    }
    if config.crashes > 0 {
        all.push(Rule::sometimes(CRASH, |_, state| state.has_crashed_before_publishing()));
    }
    if config.clone.is_some() {
        all.push(Rule::sometimes(FORK, |_, state| state.has_fork()));
        all.push(Rule::sometimes(STOPPED, |_, state| {
            state.up().any(|(_, member)| !member.impostors(&state.messages).is_empty())
        }));
    }
    if config.joiner.is_some() {
        all.push(Rule::sometimes(LATE, |_, state| state.members.iter().any(|member| member.late)));
    }
    if config.liar.is_some() {
        all.push(Rule::sometimes(REJECTED, |_, state| {
            honest(state).any(|(_, member)| {
                let is_judged = |slot| state.messages.at(slot).causes.is_within(member.accepted);
                member.held().iter().any(is_judged)
            })
        }));
    }
    all
}

/// Returns the members that are up and have not lied about a clock.
fn honest(state: &State) -> impl Iterator<Item = (usize, &Member)> {
    let has_lied = |at: usize| !state.messages.made_by(at).is_within(state.valid());
    state.up().filter(move |&(at, _)| !has_lied(at))
}

fn causes_first(_: &Config, state: &State) -> bool {
    state.up().all(|(_, member)| {
        let mut before = Set::EMPTY;
        member.timeline.slots().iter().all(|&slot| {
            let is_after = state.messages.at(slot).causes.is_within(before);
            before.insert(slot);
            is_after
        })
    })
}

fn fifo(_: &Config, state: &State) -> bool {
    let messages = &state.messages;
    let precedes = |one: u8, other: u8| {
        let (one, other) = (messages.at(one), messages.at(other));
        one.author == other.author && one.counter + 1 == other.counter
    };
    state.up().all(|(_, member)| {
        let mut before = Set::EMPTY;
        member.timeline.slots().iter().all(|&slot| {
            let is_next = messages.at(slot).counter == 1 || before.iter().any(|earlier| precedes(earlier, slot));
            before.insert(slot);
            is_next
        })
    })
}

fn sorted(_: &Config, state: &State) -> bool {
    state.up().all(|(_, member)| {
        let slots = member.timeline.slots();
        let is_ascending = slots.is_sorted_by(|&one, &other| state.messages.order(one) < state.messages.order(other));
        is_ascending && slots.iter().copied().collect::<Set>() == member.accepted
    })
}

fn one_content(config: &Config, state: &State) -> bool {
    let is_alone = |slot| !state.messages.is_occupied(slot, state.messages.made_by(installation_of(slot)));
    state.messages.all().iter().all(is_alone) && (config.clone.is_some() || !state.has_fork())
}

/// Returns whether every member in a quiet state has accepted all committed messages, except those that no member can
/// accept.
fn complete(config: &Config, state: &State) -> bool {
    let valid = state.valid();
    honest(state).all(|(_, member)| valid.is_within(member.accepted)) || !state.is_quiet(config)
}

fn no_end(config: &Config, state: &State) -> bool {
    let mut actions = Vec::new();
    stateright::Model::actions(config, state, &mut actions);
    !actions.is_empty() || (state.is_quiet(config) && state.is_stable(config))
}

/// Returns whether the retirements that a member takes for answered are those that a message of the author has among its
/// causes.
fn is_rightly_retired(state: &State, member: &Member) -> bool {
    let messages = &state.messages;
    member.accepted.iter().all(|slot| {
        let Some(about) = messages.at(slot).retires else { return true };
        let answers = messages.of_author(member.accepted, about);
        member.returned.has(slot) == answers.iter().any(|answer| messages.past(answer).has(slot))
    })
}

/// Returns whether no message is missing in a stable prefix. With a constant membership, no store or folder has one;
/// otherwise only a message of a late member, or of one that was retired, may be missing.
fn nothing_below(config: &Config, state: &State) -> bool {
    let all = state.messages.all();
    state.present().all(|(_, member)| {
        let below = missing_below(&state.messages, member, all);
        let may_be_below = |author| author >= config.members || !state.messages.retirements(all, author).is_empty();
        below.iter().all(|slot| may_be_below(state.messages.at(slot).author))
    })
}

/// Returns messages before the end of a member's reported stable part that are not in it.
fn missing_below(messages: &Messages, member: &Member, among: Set) -> Set {
    let last = messages.last(member.told);
    among.minus(member.told).iter().filter(|&slot| Some(messages.order(slot)) < last).collect()
}

/// Returns whether one of two sequences is a prefix of the other.
fn begins(messages: &Messages, one: Set, other: Set) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let last = messages.last(short);
    short.is_within(long) && long.minus(short).iter().all(|slot| Some(messages.order(slot)) > last)
}

fn no_more_to_send(config: &Config, state: &State) -> bool {
    let is_done = |at: usize| state.messages.made_by(at).len() == config.sends[at];
    (0..state.members.len()).all(is_done)
}

fn told_all(state: &State) -> bool {
    state.present().all(|(_, member)| member.told == state.messages.all())
}
