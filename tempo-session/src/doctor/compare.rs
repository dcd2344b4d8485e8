//! Comparing what is known here with the folder, and with what other members report to know.

use std::collections::{BTreeMap, BTreeSet};

use tempo_clock::{AuthorId, Seen, difference, union};
use tempo_fs_transport::{Stray, Survey};
use tempo_message::{ForeignReason, Head, Item};

use crate::{
    api::status::{Gap, Status},
    core::session_core::SessionCore,
};

/// Messages of another member that are here but no longer in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vanished {
    /// The author of the messages.
    pub author: AuthorId,
    /// Their numbers.
    pub numbers: Vec<Gap>,
    /// The author's directory is missing as well.
    pub with_directory: bool,
}

/// A member that, when it left its hints, had not received messages that had been written long
/// before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// The member.
    pub author: AuthorId,
    /// The number of messages here that the member did not have.
    pub messages: u64,
    /// When the oldest of them was written, by its author's clock, in milliseconds since 1970.
    pub since_ms: i64,
    /// When the member left its hints, by its own clock.
    pub hinted_ms: i64,
}

/// The age, in milliseconds, at which a message should have reached every member. Services need
/// minutes, and people switch computers off over a weekend.
const LONG_MS: i64 = 3 * 24 * 3_600_000;
/// The most members whose hints are compared.
const COMPARED: usize = 1000;

/// Returns the messages that have a file in the folder that is not read, or not as it is.
pub(super) fn unread(status: &Status, strays: &[Stray]) -> BTreeMap<AuthorId, Vec<Gap>> {
    use ForeignReason::{Bad, TooLarge, Type};
    let mut unread: BTreeMap<AuthorId, Vec<Gap>> = BTreeMap::new();
    let pending = status.report.pending.iter().map(|it| (it.author, it.item));
    let foreign = status.report.foreign.iter();
    let foreign = foreign.filter(|it| matches!(it.reason, Bad(_) | TooLarge { .. } | Type { .. }));
    for (author, item) in pending.chain(foreign.map(|it| (it.author, it.item))) {
        if let (Some(author), Some(numbers)) = (author, item.counters()) {
            unread.entry(author).or_default().push(numbers);
        }
    }
    for id in strays.iter().flat_map(|stray| &stray.messages) {
        unread.entry(id.author).or_default().push(id.counter..=id.counter);
    }
    unread.into_iter().map(|(author, numbers)| (author, union(numbers))).collect()
}

/// Returns the messages of other members that a core knows and a pass over the whole folder has not
/// met.
pub(super) fn vanished(
    core: &SessionCore,
    met: &Seen,
    status: &Status,
    survey: Option<&Survey>,
    strays: &[Stray],
) -> Vec<Vanished> {
    let unread = unread(status, strays);
    let items = status.report.pending.iter().map(|it| it.item).chain(status.report.foreign.iter().map(|it| it.item));
    // Nothing is known about a directory that exists but cannot be read.
    let closed: BTreeSet<AuthorId> = items.filter_map(Item::directory).collect();
    let is_own = |author| core.author() == Some(author) || core.former().contains(&author) || closed.contains(&author);
    let of_others = core.seen().iter().filter(|(author, _)| !is_own(*author));
    let gone = of_others.filter_map(|(author, counters)| {
        let runs: Vec<Gap> = counters.runs().collect();
        let here: Vec<Gap> = met.counters(author).map(|met| met.runs().collect()).unwrap_or_default();
        let numbers = difference(&difference(&runs, &here), unread.get(&author).map(Vec::as_slice).unwrap_or_default());
        let with_directory = survey.is_some_and(|survey| !survey.authors.contains(&author));
        (!numbers.is_empty()).then_some(Vanished { author, numbers, with_directory })
    });
    gone.collect()
}

/// Returns the members that have not received what others have.
pub(super) fn lagging(core: &SessionCore, status: &Status, now_ms: i64) -> Vec<Lag> {
    let heads = core.authors_with_head().filter_map(|author| core.head(author)).take(COMPARED);
    let off = off(core, status, now_ms);
    heads.filter(|head| !off.contains(&head.author)).filter_map(|head| lag(core, head, &off)).collect()
}

/// Returns the members whose clocks are wrong by days: ahead of this one, or behind the messages
/// that they follow. Their times do not prove a delay.
fn off(core: &SessionCore, status: &Status, now_ms: i64) -> BTreeSet<AuthorId> {
    let members = status.members.iter().filter(|member| {
        let is_ahead = member.latest.is_some_and(|latest| latest.unix_ms.saturating_sub(now_ms) > LONG_MS);
        is_ahead
            || member.clock_skew.is_some_and(|clock_skew| i64::try_from(clock_skew.by_ms).is_ok_and(|by| by > LONG_MS))
    });
    let heads = core.authors_with_head().filter_map(|author| core.head(author)).take(COMPARED);
    let heads = heads.filter(|head| {
        let is_later = |&(author, last): &(AuthorId, u64)| {
            let seen = core.first_after(author, last.saturating_sub(1));
            seen.is_some_and(|(_, written_ms)| written_ms.saturating_sub(head.unix_ms) > LONG_MS)
        };
        head.unix_ms.saturating_sub(now_ms) > LONG_MS || head.seen.iter().any(is_later)
    });
    members.map(|member| member.author).chain(heads.map(|head| head.author)).collect()
}

fn lag(core: &SessionCore, head: &Head, off: &BTreeSet<AuthorId>) -> Option<Lag> {
    let seen: BTreeMap<AuthorId, u64> = head.seen.iter().copied().collect();
    let (mut messages, mut since_ms) = (0_u64, i64::MAX);
    for (author, counters) in core.seen().iter().filter(|(author, _)| *author != head.author) {
        // A head lists a limited number of authors; a missing one proves nothing.
        let Some(seen) = seen.get(&author).copied().or((seen.len() < Head::MAX_SEEN).then_some(0)) else { continue };
        let last = counters.last().unwrap_or(0);
        if let Some((_, written_ms)) = core.first_after(author, seen).filter(|_| last > seen && !off.contains(&author))
        {
            messages = messages.saturating_add(last - seen);
            since_ms = since_ms.min(written_ms);
        }
    }
    let is_long = messages > 0 && head.unix_ms.saturating_sub(since_ms) > LONG_MS;
    is_long.then_some(Lag { author: head.author, messages, since_ms, hinted_ms: head.unix_ms })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempo_message::{Kind, Life};

    use super::*;
    use crate::core::Input;

    #[test]
    fn a_working_member_without_old_messages_lags() {
        const DAY: i64 = 24 * 3_600_000;
        let author = |number: u128| AuthorId::new(uuid::Uuid::from_u128(number));
        let mut core = SessionCore::new(Some(author(1)));
        let mut now = 100 * DAY;
        for text in ["one", "two", "three"] {
            let frame = core.compose([(Kind::Payload, text.into())], now).unwrap().remove(0);
            core.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
            now += 5 * DAY;
        }
        let ben = SessionCore::new(Some(author(2)));
        let frame = ben.compose([(Kind::Payload, "hello".into())], now).unwrap().remove(0);
        core.handle(Input::Received(&frame));
        let mut hint = |seen: u64, unix_ms: i64| {
            core.handle(Input::Head(Head {
                author: author(2),
                name: None,
                place: None,
                counter: 1,
                digest: Some(frame.digest()),
                lamport: frame.message().lamport,
                seen: [(author(1), seen)].into_iter().filter(|it| it.1 > 0).collect(),
                wanted: Vec::new(),
                life: Life::default(),
                unix_ms,
                seal: None,
            }));
            let status = Status::of_core(&core, Arc::default());
            lagging(&core, &status, 200 * DAY)
        };
        assert_eq!(hint(0, 102 * DAY), [], "the messages may have been on the way");
        let lag = |messages, since_ms, hinted_ms| vec![Lag { author: author(2), messages, since_ms, hinted_ms }];
        assert_eq!(hint(0, 104 * DAY), lag(3, 100 * DAY, 104 * DAY));
        assert_eq!(hint(1, 104 * DAY), []);
        assert_eq!(hint(1, 109 * DAY), lag(2, 105 * DAY, 109 * DAY));
        assert_eq!(hint(3, 200 * DAY), []);
        assert_eq!(hint(0, 400 * DAY), [], "its clock is ahead");
    }
}
