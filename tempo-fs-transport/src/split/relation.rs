//! The relation of a directory of members to the session beside it: a part of it, a copy, or another
//! session.
//!
//! A service that splits a folder leaves each message in one of two directories. A message in one
//! follows messages that exist only in the other, and names them by digest. A copy of a folder
//! contains everything that its new messages follow, because its author had nothing else. A message
//! that was read by mistake cannot be taken back, so without evidence the relation stays undecided.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tempo_clock::{difference, union};
use tempo_message::{AuthorId, Digest, MessageId, planted};

use crate::{
    format::{spelling::folded, split::Hint},
    fs::port::Fs,
    split::contents::{Named, Runs, Shared, authors_of},
};

/// The relation of a directory of members to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Another session, or no session at all.
    Other,
    /// All its messages are in the session as well.
    Contained,
    /// A part of the session.
    Part,
    /// A copy of the session that continues on its own.
    Copy,
    /// There is no evidence for any of these.
    Undecided,
}

/// The evidence for each relation. "Here" is the session, "there" is the directory.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct Evidence {
    pub(crate) hint: Hint,
    /// There are messages that are not here.
    pub(crate) gains: bool,
    /// Some messages are in both.
    pub(crate) overlaps: bool,
    /// A message of one directory has another digest in the other one.
    pub(crate) is_contested: bool,
    /// A message of one follows a message that is only in the other.
    pub(crate) crosses: bool,
    /// A member is in both, or has met a member of the other.
    pub(crate) is_related: bool,
    /// The names of the session here, by its members and by its folder.
    pub(crate) called: BTreeSet<String>,
    /// The names that the authors of messages only here give it.
    pub(crate) called_here: BTreeSet<String>,
    /// The names that the authors of messages only there give it, where they state one.
    pub(crate) called_there: BTreeSet<String>,
    /// Some of those authors state no name.
    pub(crate) is_anonymous: bool,
    /// The members there who give it a name that it has here.
    pub(crate) agreeing: BTreeSet<AuthorId>,
}

impl Evidence {
    /// Returns the relation that follows.
    pub(crate) fn judge(&self) -> Relation {
        let is_named = !self.is_anonymous && !self.called_there.is_empty();
        let agrees = is_named && self.called_there.is_subset(&self.called);
        let is_by_service = self.hint == Hint::Service && !self.is_contested;
        if !self.gains {
            return if self.overlaps { Relation::Contained } else { Relation::Other };
        }
        if planted!(CopyIsPart) && self.is_related {
            return Relation::Part;
        }
        if self.is_contested || (self.overlaps && !self.crosses) {
            // A common history up to some point, and two after it.
            let is_apart = is_named && self.called_there.is_disjoint(&self.called_here);
            return if is_by_service {
                Relation::Part
            } else if is_apart {
                Relation::Copy
            } else {
                Relation::Undecided
            };
        }
        if self.crosses || self.is_related {
            return if is_by_service || agrees { Relation::Part } else { Relation::Undecided };
        }
        let agrees_in_part = !self.called_there.is_disjoint(&self.called);
        match self.hint {
            Hint::Nothing => Relation::Other,
            Hint::Service if agrees => Relation::Part,
            Hint::Service => Relation::Undecided,
            _ if agrees_in_part || self.called_there.is_empty() => Relation::Undecided,
            _ => Relation::Other,
        }
    }
}

/// The most messages that are read to see which messages they follow.
const READ: usize = 256;
/// The limit where no member is in both.
const READ_OF_STRANGERS: usize = 16;
/// The messages that are read at the beginning and at the end of each new run.
const ENDS: u64 = 16;
/// The most new runs of an author that are read.
const GAPS: usize = 64;

/// Compares a directory with the session `here`: the folder itself and its parts.
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
    let called_by = |author: &AuthorId, folders: &[&Shared<F>]| {
        let heads = folders.iter().filter_map(|folder| folder.heads.get(author));
        heads.filter_map(|head| head.place.as_deref()).map(|place| folded(place.as_ref())).next()
    };
    let all: Vec<&Shared<F>> = there.iter().chain(here).collect();
    let ours: Vec<&Shared<F>> = here.iter().collect();
    let called = |author: &AuthorId| called_by(author, &all);
    let heads = |folders: &[Shared<F>]| -> BTreeSet<AuthorId> {
        let heads = folders.iter().flat_map(|folder| folder.heads.values());
        heads.flat_map(|head| head.seen.iter().map(|&(author, _)| author)).collect()
    };
    let (mut we_met, mut they_met) = (heads(here), heads(there));
    let most = if shares { READ } else { READ_OF_STRANGERS };
    let mut all_called: BTreeSet<String> = us.iter().filter_map(|author| called_by(author, &ours)).collect();
    all_called.insert(folded(own_name.as_ref()));
    let other_names: BTreeSet<String> = new.keys().filter_map(called).collect();
    // Of a directory that cannot be a part, only whom its authors have met is compared: no file of
    // the session need be opened.
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

/// Returns the messages that are in some directories and not in others.
fn new_in<F: Fs>(folders: &[Shared<F>], others: &[Shared<F>]) -> BTreeMap<AuthorId, Runs> {
    let of = |author| (author, difference(&runs(folders, author), &runs(others, author)));
    let is_open = |author: &AuthorId| folders.iter().all(|folder| !folder.is_closed(*author));
    authors_of(folders).into_iter().filter(is_open).map(of).filter(|(_, runs)| !runs.is_empty()).collect()
}

fn runs<F: Fs>(folders: &[Shared<F>], author: AuthorId) -> Runs {
    union(folders.iter().flat_map(|folder| folder.runs(author)).cloned())
}

/// Returns the last message of an author that is in both: its digest stands for all before it.
fn last_common<F: Fs>(author: AuthorId, there: &[Shared<F>], here: &[Shared<F>]) -> Option<(AuthorId, u64)> {
    let all = runs(there, author);
    let common = difference(&all, &difference(&all, &runs(here, author)));
    common.last().map(|run| (author, *run.end()))
}

fn digests<F: Fs>(fs: &F, folders: &[Shared<F>], id: MessageId) -> BTreeSet<Digest> {
    let read = folders.iter().flat_map(|folder| folder.read(fs, id));
    read.filter(|(read, _)| *read == id).map(|(_, (digest, _))| digest).collect()
}

/// Returns whether new messages, or messages that those follow, follow one that is not beside them
/// but in the other directories. Notes which authors they have met.
fn goes_on<F: Fs>(
    fs: &F,
    (folders, new): (&[Shared<F>], &BTreeMap<AuthorId, Runs>),
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
            for (id, named) in folders.iter().flat_map(|folder| folder.read(fs, id)) {
                read.entry(id).or_default().push(named);
            }
        }
        for cause in read.get(&id).into_iter().flatten().flat_map(|(_, causes)| causes) {
            met.insert(cause.author);
            let id = MessageId { author: cause.author, counter: cause.counter };
            if folders.iter().any(|folder| folder.has(id)) {
                if asked.insert(id) {
                    queue.push_back(id);
                }
            } else if others.iter().any(|folder| folder.has(id)) && digests(fs, others, id).contains(&cause.digest) {
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

    /// A directory with messages that no member here knows.
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

    /// The directory of a member who gives the session the name that it has.
    fn half() -> Evidence {
        Evidence { crosses: true, is_related: true, called_there: names(&["jam"]), ..stranger() }
    }

    /// A copy with messages of a new member.
    fn copy() -> Evidence {
        Evidence { overlaps: true, is_related: true, called_there: names(&["jam 2"]), ..stranger() }
    }

    #[test]
    fn what_goes_on_from_the_other_is_a_part_whatever_its_name() {
        for hint in [Hint::Nothing, Hint::Continued, Hint::Numbered, Hint::Service] {
            assert_eq!(Evidence { hint, ..half() }.judge(), Relation::Part);
            assert_eq!(Evidence { hint, overlaps: true, ..half() }.judge(), Relation::Part, "some of it was put back");
            assert_eq!(Evidence { hint, crosses: false, ..half() }.judge(), Relation::Part, "they have met");
        }
    }

    /// While a copy is incomplete, its new messages seem to follow messages that are only here.
    #[test]
    fn whoever_calls_it_otherwise_or_nothing_yet_is_not_believed() {
        for there in [&["jam 2"][..], &["jam", "jam 2"], &[]] {
            let half = Evidence { called_there: names(there), is_anonymous: there.is_empty(), ..half() };
            assert_eq!(half.judge(), Relation::Undecided);
            assert_eq!(Evidence { hint: Hint::Numbered, ..half.clone() }.judge(), Relation::Undecided);
            assert_eq!(Evidence { hint: Hint::Service, ..half }.judge(), Relation::Part);
        }
    }

    #[test]
    fn a_copy_is_no_part() {
        for hint in [Hint::Nothing, Hint::Continued, Hint::Numbered] {
            assert_eq!(Evidence { hint, gains: false, ..copy() }.judge(), Relation::Contained);
            assert_eq!(Evidence { hint, ..copy() }.judge(), Relation::Copy);
            let same_people = Evidence { hint, called_there: names(&["jam"]), ..copy() };
            assert_eq!(same_people.judge(), Relation::Undecided, "a service makes copies, too");
            assert_eq!(Evidence { hint, is_anonymous: true, ..copy() }.judge(), Relation::Undecided);
            let contested = Evidence { hint, is_contested: true, overlaps: true, ..half() };
            assert_eq!(contested.judge(), Relation::Undecided);
        }
        assert_eq!(Evidence { hint: Hint::Service, called_there: names(&["jam"]), ..copy() }.judge(), Relation::Part);
    }

    #[test]
    fn strangers_are_another_session_unless_names_say_more() {
        for (hint, there, expected) in [
            (Hint::Numbered, &["song"][..], Relation::Other),
            (Hint::Continued, &["song"], Relation::Other),
            (Hint::Nothing, &["jam"], Relation::Other),
            (Hint::Continued, &["jam"], Relation::Undecided),
            (Hint::Numbered, &["jam"], Relation::Undecided),
            (Hint::Service, &["jam"], Relation::Part),
            (Hint::Service, &["song"], Relation::Undecided),
            (Hint::Continued, &[], Relation::Undecided),
            (Hint::Nothing, &[], Relation::Other),
        ] {
            let called_there = names(there);
            let evidence = Evidence { hint, is_anonymous: called_there.is_empty(), called_there, ..stranger() };
            assert_eq!(evidence.judge(), expected, "{evidence:?}");
        }
    }
}
