//! What a directory of members is to the session beside which it lies: a part of it, a copy, or another session.
//!
//! A service that splits a folder leaves each message in one of two directories. What is written in one goes on from what lies
//! only in the other, and says so by digests. A copy of a folder has, of whatever is written in it, everything that it goes on
//! from, because its author had nothing else. Nothing read by mistake can be taken back, so what does not show stays undecided.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tempo_clock::{difference, union};
use tempo_message::{AuthorId, Digest, MessageId, planted};

use crate::{
    format::{spelling::folded, split::Hint},
    fs::port::Fs,
    split::contents::{Named, Runs, Shared, authors_of},
};

/// What a directory of members is to the session beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kin {
    /// Another session, or nothing at all.
    Other,
    /// Everything in it lies in the session as well.
    Contained,
    /// A part of the session.
    Part,
    /// A copy of the session that goes on by itself.
    Copy,
    /// Nothing says which of these it is.
    Undecided,
}

/// What speaks for one or the other.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct Evidence {
    pub(crate) hint: Hint,
    /// Messages lie there and not here.
    pub(crate) gains: bool,
    /// Messages lie in both.
    pub(crate) overlaps: bool,
    /// A message of one directory has another digest in the other one.
    pub(crate) is_contested: bool,
    /// What lies in one goes on from what lies only in the other.
    pub(crate) crosses: bool,
    /// Somebody is in both, or has met somebody of the other.
    pub(crate) is_related: bool,
    /// What the session is called here, by its members and by its folder.
    pub(crate) called: BTreeSet<String>,
    /// What those call it whose messages lie only here.
    pub(crate) called_here: BTreeSet<String>,
    /// What those call it whose messages lie only there, as far as they say so.
    pub(crate) called_there: BTreeSet<String>,
    /// Some of those do not say what they call it.
    pub(crate) is_anonymous: bool,
    /// Everybody there who calls it what it is called here.
    pub(crate) agreeing: BTreeSet<AuthorId>,
}

impl Evidence {
    /// Tells what follows.
    pub(crate) fn judge(&self) -> Kin {
        let is_named = !self.is_anonymous && !self.called_there.is_empty();
        let agrees = is_named && self.called_there.is_subset(&self.called);
        let is_by_service = self.hint == Hint::Service && !self.is_contested;
        if !self.gains {
            return if self.overlaps { Kin::Contained } else { Kin::Other };
        }
        if planted!(CopyIsPart) && self.is_related {
            return Kin::Part;
        }
        if self.is_contested || (self.overlaps && !self.crosses) {
            // One history up to some point, and two from there on.
            let is_apart = is_named && self.called_there.is_disjoint(&self.called_here);
            return if is_by_service {
                Kin::Part
            } else if is_apart {
                Kin::Copy
            } else {
                Kin::Undecided
            };
        }
        if self.crosses || self.is_related {
            return if is_by_service || agrees { Kin::Part } else { Kin::Undecided };
        }
        let agrees_in_part = !self.called_there.is_disjoint(&self.called);
        match self.hint {
            Hint::Nothing => Kin::Other,
            Hint::Service if agrees => Kin::Part,
            Hint::Service => Kin::Undecided,
            _ if agrees_in_part || self.called_there.is_empty() => Kin::Undecided,
            _ => Kin::Other,
        }
    }
}

/// So many messages are read, to see what they go on from.
const READ: usize = 256;
/// And so many where nobody is in both.
const READ_OF_STRANGERS: usize = 16;
/// So many messages at the beginning of what is new of an author are looked at, and as many at its end.
const ENDS: u64 = 16;
/// So many gaps in what is new of an author are looked at.
const GAPS: usize = 64;

/// Compares what lies in a directory with what lies in the session, which is `here`: the folder itself, and its parts.
pub(crate) fn compare<F: Fs>(
    fs: &F,
    (there, hint): (&Shared<F>, Hint),
    (here, own_name): (&[Shared<F>], &str),
) -> Evidence {
    let there = std::slice::from_ref(there);
    let (new, own) = (new_in(there, here), new_in(here, there));
    let (us, them) = (authors_of(here), authors_of(there));
    let common: Vec<(AuthorId, u64)> = them.iter().filter_map(|&author| last_common(author, there, here)).collect();
    let shares = !them.is_disjoint(&us);
    let called_by = |author: &AuthorId, shelves: &[&Shared<F>]| {
        let heads = shelves.iter().filter_map(|shelf| shelf.heads.get(author));
        heads.filter_map(|head| head.place.as_deref()).map(|place| folded(place.as_ref())).next()
    };
    let all: Vec<&Shared<F>> = there.iter().chain(here).collect();
    let ours: Vec<&Shared<F>> = here.iter().collect();
    let called = |author: &AuthorId| called_by(author, &all);
    let heads = |shelves: &[Shared<F>]| -> BTreeSet<AuthorId> {
        let heads = shelves.iter().flat_map(|shelf| shelf.heads.values());
        heads.flat_map(|head| head.seen.iter().map(|&(author, _)| author)).collect()
    };
    let (mut we_met, mut they_met) = (heads(here), heads(there));
    let most = if shares { READ } else { READ_OF_STRANGERS };
    let mut all_called: BTreeSet<String> = us.iter().filter_map(|author| called_by(author, &ours)).collect();
    all_called.insert(folded(own_name.as_ref()));
    let other_names: BTreeSet<String> = new.keys().filter_map(called).collect();
    // Of what cannot be a part nothing is compared, only whom its authors have met: no file of the session need be opened.
    let may_be_part = hint == Hint::Service || other_names.is_subset(&all_called) || !common.is_empty();
    let others = if may_be_part { here } else { &[] };
    let crosses = !new.is_empty()
        && (goes_on(fs, (there, &new), others, most, &mut they_met)
            || (may_be_part && goes_on(fs, (here, &own), there, most, &mut we_met)));
    let is_other = |&(author, counter): &(AuthorId, u64)| {
        let id = MessageId { author, counter };
        let (there, here) = (digests(fs, there, id), digests(fs, here, id));
        !there.is_empty() && !here.is_empty() && there.is_disjoint(&here)
    };
    let called_here = own.keys().filter_map(|author| called_by(author, &ours));
    let mut called_here: BTreeSet<String> = called_here.collect();
    if called_here.is_empty() {
        called_here.clone_from(&all_called);
    }
    Evidence {
        hint,
        gains: !new.is_empty(),
        overlaps: !common.is_empty(),
        is_contested: !new.is_empty() && common.iter().any(is_other),
        crosses,
        is_related: shares || !they_met.is_disjoint(&us) || !we_met.is_disjoint(&them),
        agreeing: them
            .iter()
            .filter(|&author| called(author).is_some_and(|it| all_called.contains(&it)))
            .copied()
            .collect(),
        called: all_called,
        called_here,
        called_there: other_names,
        is_anonymous: new.keys().any(|author| called(author).is_none()),
    }
}

/// The messages that lie in some directories and not in others.
fn new_in<F: Fs>(shelves: &[Shared<F>], others: &[Shared<F>]) -> BTreeMap<AuthorId, Runs> {
    let of = |author| (author, difference(&runs(shelves, author), &runs(others, author)));
    let is_open = |author: &AuthorId| shelves.iter().all(|shelf| !shelf.is_closed(*author));
    authors_of(shelves).into_iter().filter(is_open).map(of).filter(|(_, runs)| !runs.is_empty()).collect()
}

fn runs<F: Fs>(shelves: &[Shared<F>], author: AuthorId) -> Runs {
    union(shelves.iter().flat_map(|shelf| shelf.runs(author)).cloned())
}

/// The last message of an author that lies in both: its digest stands for all before it.
fn last_common<F: Fs>(author: AuthorId, there: &[Shared<F>], here: &[Shared<F>]) -> Option<(AuthorId, u64)> {
    let all = runs(there, author);
    let common = difference(&all, &difference(&all, &runs(here, author)));
    common.last().map(|run| (author, *run.end()))
}

fn digests<F: Fs>(fs: &F, shelves: &[Shared<F>], id: MessageId) -> BTreeSet<Digest> {
    let read = shelves.iter().flat_map(|shelf| shelf.read(fs, id));
    read.filter(|(read, _)| *read == id).map(|(_, (digest, _))| digest).collect()
}

/// Whether messages go on from others that are not beside them but lie in the other directories: messages that are only here, or
/// what they go on from themselves. Notes whom they have met.
fn goes_on<F: Fs>(
    fs: &F,
    (shelves, new): (&[Shared<F>], &BTreeMap<AuthorId, Runs>),
    others: &[Shared<F>],
    most: usize,
    met: &mut BTreeSet<AuthorId>,
) -> bool {
    let mut queue: VecDeque<MessageId> = VecDeque::new();
    for (&author, runs) in new {
        for (first, last) in runs.iter().take(GAPS).map(|run| (*run.start(), *run.end())) {
            let beginning = first..=last.min(first.saturating_add(ENDS));
            let end = last.saturating_sub(ENDS).max(*beginning.end())..=last;
            queue.extend(beginning.chain(end).map(|counter| MessageId { author, counter }));
        }
    }
    let mut asked: BTreeSet<MessageId> = queue.iter().copied().collect();
    let (mut read, mut reads): (BTreeMap<MessageId, Vec<Named>>, usize) = (BTreeMap::new(), 0);
    while let Some(id) = queue.pop_front() {
        if !read.contains_key(&id) {
            if reads >= most {
                break;
            }
            reads += 1;
            for (id, named) in shelves.iter().flat_map(|shelf| shelf.read(fs, id)) {
                read.entry(id).or_default().push(named);
            }
        }
        for cause in read.get(&id).into_iter().flatten().flat_map(|(_, causes)| causes) {
            met.insert(cause.author);
            let id = MessageId { author: cause.author, counter: cause.counter };
            if shelves.iter().any(|shelf| shelf.has(id)) {
                if asked.insert(id) {
                    queue.push_back(id);
                }
            } else if others.iter().any(|shelf| shelf.has(id)) && digests(fs, others, id).contains(&cause.digest) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Something lies there that nobody here knows.
    fn stranger() -> Evidence {
        Evidence {
            hint: Hint::Nothing,
            gains: true,
            overlaps: false,
            is_contested: false,
            crosses: false,
            is_related: false,
            called: names(&["jam"]),
            called_here: names(&["jam"]),
            called_there: names(&["song"]),
            is_anonymous: false,
            agreeing: BTreeSet::new(),
        }
    }

    /// The directory of a member of the session, who calls it what everybody calls it.
    fn half() -> Evidence {
        Evidence { crosses: true, is_related: true, called_there: names(&["jam"]), ..stranger() }
    }

    /// A copy in which somebody new has written.
    fn copy() -> Evidence {
        Evidence { overlaps: true, is_related: true, called_there: names(&["jam 2"]), ..stranger() }
    }

    #[test]
    fn what_goes_on_from_the_other_is_a_part_whatever_its_name() {
        for hint in [Hint::Nothing, Hint::Continued, Hint::Numbered, Hint::Service] {
            assert_eq!(Evidence { hint, ..half() }.judge(), Kin::Part);
            assert_eq!(Evidence { hint, overlaps: true, ..half() }.judge(), Kin::Part, "some of it was put back");
            assert_eq!(Evidence { hint, crosses: false, ..half() }.judge(), Kin::Part, "they have met");
        }
    }

    /// As long as not all of a copy has come, what is new in it goes on from what lies only here.
    #[test]
    fn whoever_calls_it_otherwise_or_nothing_yet_is_not_believed() {
        for there in [&["jam 2"][..], &["jam", "jam 2"], &[]] {
            let half = Evidence { called_there: names(there), is_anonymous: there.is_empty(), ..half() };
            assert_eq!(half.judge(), Kin::Undecided);
            assert_eq!(Evidence { hint: Hint::Numbered, ..half.clone() }.judge(), Kin::Undecided);
            assert_eq!(Evidence { hint: Hint::Service, ..half }.judge(), Kin::Part);
        }
    }

    #[test]
    fn a_copy_is_no_part() {
        for hint in [Hint::Nothing, Hint::Continued, Hint::Numbered] {
            assert_eq!(Evidence { hint, gains: false, ..copy() }.judge(), Kin::Contained);
            assert_eq!(Evidence { hint, ..copy() }.judge(), Kin::Copy);
            let same_people = Evidence { hint, called_there: names(&["jam"]), ..copy() };
            assert_eq!(same_people.judge(), Kin::Undecided, "a service makes copies, too");
            assert_eq!(Evidence { hint, is_anonymous: true, ..copy() }.judge(), Kin::Undecided);
            let contested = Evidence { hint, is_contested: true, overlaps: true, ..half() };
            assert_eq!(contested.judge(), Kin::Undecided);
        }
        assert_eq!(Evidence { hint: Hint::Service, called_there: names(&["jam"]), ..copy() }.judge(), Kin::Part);
    }

    #[test]
    fn strangers_are_another_session_unless_names_say_more() {
        for (hint, there, expected) in [
            (Hint::Numbered, &["song"][..], Kin::Other),
            (Hint::Continued, &["song"], Kin::Other),
            (Hint::Nothing, &["jam"], Kin::Other),
            (Hint::Continued, &["jam"], Kin::Undecided),
            (Hint::Numbered, &["jam"], Kin::Undecided),
            (Hint::Service, &["jam"], Kin::Part),
            (Hint::Service, &["song"], Kin::Undecided),
            (Hint::Continued, &[], Kin::Undecided),
            (Hint::Nothing, &[], Kin::Other),
        ] {
            let called_there = names(there);
            let evidence = Evidence { hint, is_anonymous: called_there.is_empty(), called_there, ..stranger() };
            assert_eq!(evidence.judge(), expected, "{evidence:?}");
        }
    }
}
