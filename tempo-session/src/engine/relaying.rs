//! Relaying: putting into the folder messages of other members that are in the store and have
//! vanished from the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{CollectError, Frame, Head, Pack, PublishError, Relay, planted};

use crate::{
    core::relaying::Relaying,
    engine::{
        audit::Runs,
        link::Link,
        relayed::{RelayError, Relayed},
        seeking::{Sought, seek},
    },
    store::marks::Absent,
};

/// The messages that other members lack, and when to look for them.
#[derive(Debug, Default)]
pub(crate) struct Relayer {
    relaying: Option<Relaying>,
    lacks: BTreeMap<AuthorId, Lack>,
    /// The earliest time to do anything again.
    next_at: Duration,
    /// The earliest time to check again whether relayed messages can be withdrawn.
    tend_at: Duration,
}

/// Messages of an author that some member lacks.
#[derive(Debug)]
struct Lack {
    /// Every member has the messages up to this counter.
    least: u64,
    /// The counter after which to look for them.
    from: u64,
    /// The time of the next look.
    at: Duration,
    /// The wait after a look that has found all of them.
    wait: Duration,
    /// A random delay, so that members with the same turn do not act at once.
    chance: Duration,
    /// Some have been relayed since they were found to have vanished.
    is_begun: bool,
}

/// The longest wait before a further look, after looks that have found all of them.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The most members whose directories are checked to find out whether more than half are missing.
const ASKED: usize = 64;

impl Relayer {
    pub(crate) fn new(relaying: Option<Relaying>) -> Self {
        Self { relaying, ..Self::default() }
    }

    /// Notes what members lack. When a member receives some of an author's messages, the wait for
    /// that author starts again, unless these are being relayed already.
    fn heed(&mut self, lacked: &BTreeMap<AuthorId, u64>, relaying: &Relaying, now: Duration, chance: impl Fn() -> u64) {
        self.lacks.retain(|author, _| lacked.contains_key(author));
        for (&author, &least) in lacked {
            if let Some(lack) = self.lacks.get_mut(&author)
                && (lack.least == least || (lack.least < least && lack.is_begun))
            {
                (lack.least, lack.from) = (least, lack.from.max(least));
                continue;
            }
            let most = u64::try_from(relaying.turn.as_millis()).unwrap_or(u64::MAX).max(6) / 6;
            let chance = Duration::from_millis(chance() % most);
            let (at, wait) = (now + relaying.lacking, relaying.lacking);
            self.lacks.insert(author, Lack { least, from: least, at, wait, chance, is_begun: false });
        }
    }

    fn put_off(&mut self, author: AuthorId, until: Duration) {
        if let Some(lack) = self.lacks.get_mut(&author) {
            lack.at = until;
        }
    }
}

impl Relayer {
    /// Does one step of relaying or withdrawing; returns true when there is more to do at once.
    /// After a failure the relayer only tries again later.
    pub(crate) fn step(&mut self, link: &mut Link, now: Duration) -> bool {
        let wanted = link.shared.lock().relaying.take();
        if let Some(author) = wanted {
            let relayed = relay_all(link, author);
            link.shared.lock().relaying.answer(relayed);
            link.shared.announce();
            return true;
        }
        let Some(relaying) = self.relaying.filter(|_| link.transport.has_relays() && !planted!(NoRelay)) else {
            return false;
        };
        if now < self.next_at {
            return false;
        }
        self.next_at = now + relaying.pause;
        let _ = self.relay_some(link, &relaying, now).and_then(|()| self.take_back(link, &relaying, now));
        false
    }

    fn relay_some(&mut self, link: &mut Link, relaying: &Relaying, now: Duration) -> Result<(), PublishError> {
        let unix_ms = link.shared.environment.unix_ms();
        let lacked = {
            let state = link.shared.lock();
            state.core.lacked(|head| counts(head, state.heard.by_author(), relaying, unix_ms))
        };
        let chance = || link.shared.writer().identity.nonce();
        self.heed(&lacked, relaying, now, chance);
        let noted = link.shared.lock().marks.absent.clone();
        for absent in noted.iter().filter(|absent| absent.since_ms.is_some() && !lacked.contains_key(&absent.author)) {
            // If a member lacks something again later, the time starts again.
            note_absent(link, absent.author, |absent| absent.since_ms = None)?;
        }
        let due = self.lacks.iter().filter(|(_, lack)| lack.at <= now || planted!(RelayAtOnce));
        let mut half_missing = None;
        for author in due.map(|(&author, _)| author).collect::<Vec<_>>() {
            if self.relay_of(link, author, relaying, (now, unix_ms), &mut half_missing)? {
                break;
            }
        }
        Ok(())
    }

    /// Puts one file of an author's messages into the folder, if they have vanished and it is time.
    /// Returns whether it did. Whether half of the members are missing is found out once for all authors.
    fn relay_of(
        &mut self,
        link: &mut Link,
        author: AuthorId,
        relaying: &Relaying,
        (now, unix_ms): (Duration, i64),
        half_missing: &mut Option<bool>,
    ) -> Result<bool, PublishError> {
        let Some(&Lack { from, wait, chance, is_begun, .. }) = self.lacks.get(&author) else {
            return Ok(false);
        };
        let (frames, next) = match seek(link, author, from)? {
            Sought::Absent { frames, next } => (frames, next),
            Sought::Unclear(_) => {
                self.put_off(author, now + relaying.lacking);
                return Ok(false);
            }
        };
        let Some(last) = frames.last().map(|frame| frame.id().counter) else {
            if let Some(lack) = self.lacks.get_mut(&author) {
                (lack.from, lack.is_begun) = (next.unwrap_or(lack.least), next.is_some() && is_begun);
                lack.at = now + if next.is_some() { relaying.pause } else { wait };
                lack.wait = if next.is_some() { wait } else { (wait * 2).min(LONGEST) };
            }
            if next.is_none() && !is_begun {
                note_absent(link, author, |absent| absent.since_ms = None)?;
            }
            return Ok(false);
        };
        let heard = link.shared.lock().heard.by_author().clone();
        // A time in the future was noted before this machine's clock was set back.
        let is_after = |at: i64, since: i64| since < at && at <= unix_ms;
        let is_back = |since: i64| since > unix_ms || heard.get(&author).is_some_and(|&at| is_after(at, since));
        let noted = absent(link, author);
        let since = noted.and_then(|absent| absent.since_ms).filter(|&since| !is_back(since)).unwrap_or(unix_ms);
        note_absent(link, author, |absent| absent.since_ms = Some(since))?;
        let relayed = noted.map_or(0, |absent| absent.relayed);
        let due_ms = due_ms(link, author, last, since, relaying, unix_ms).saturating_add(ms(chance));
        if unix_ms < due_ms && !planted!(RelayAtOnce) {
            let left = Duration::from_millis(due_ms.abs_diff(unix_ms)).min(relaying.absent.max(relaying.lacking));
            self.put_off(author, now + left);
            return Ok(false);
        }
        // After a service was linked again, everything is absent for a while.
        let is_news = |(&other, &at): (&AuthorId, &i64)| other != author && is_after(at, since);
        let is_one_of_many = heard.iter().any(is_news) && !*half_missing.get_or_insert_with(|| is_half_missing(link));
        if !is_one_of_many && !planted!(RelinkedIsGone) {
            return Ok(false);
        }
        if relayed >= relaying.times && !is_begun {
            self.put_off(author, now + LONGEST);
            return Ok(false);
        }
        let Some(run) = runs(&frames).into_iter().next() else { return Ok(false) };
        put(link, run)?;
        if !is_begun {
            note_absent(link, author, |absent| absent.relayed = absent.relayed.saturating_add(1))?;
        }
        if let Some(lack) = self.lacks.get_mut(&author) {
            let done = run.last().map_or(from, |frame| frame.id().counter);
            (lack.from, lack.at, lack.is_begun) = (done, now + relaying.pause, true);
        }
        Ok(true)
    }

    /// Withdraws what this installation has relayed of authors whose own messages have been back in
    /// the folder for long enough.
    fn take_back(&mut self, link: &mut Link, relaying: &Relaying, now: Duration) -> Result<(), PublishError> {
        if now < self.tend_at || planted!(RelayNeverRemoved) {
            return Ok(());
        }
        self.tend_at = now + relaying.absent;
        let unix_ms = link.shared.environment.unix_ms();
        let own = link.shared.lock().core.own_authors();
        let report = Arc::clone(&link.shared.lock().report);
        let mut relayers: BTreeMap<AuthorId, Vec<AuthorId>> = BTreeMap::new();
        for &Relay { author, relayer, .. } in report.relays.iter().filter(|relay| own.contains(&relay.relayer)) {
            relayers.entry(author).or_default().push(relayer);
        }
        for (author, relayers) in relayers {
            let (last, is_forked) = {
                let state = link.shared.lock();
                (state.core.contiguous(author), !state.core.forks(author).is_empty())
            };
            // A later look will show whether they are back.
            let Ok(there) = own_runs(link, author) else { continue };
            // The names of files do not show which of two messages of a number is back.
            let is_back = !is_forked && there.is_some_and(|runs| runs.have_all(1, last));
            let noted = link.shared.lock().marks.back.iter().find(|back| back.0 == author).map(|back| back.1);
            let since = noted.filter(|&since| since <= unix_ms).unwrap_or(unix_ms);
            if is_back && unix_ms.saturating_sub(since) >= ms(relaying.back) {
                for relayer in relayers {
                    link.transport.withdraw(author, relayer)?;
                }
                note_relaying(link, author, None, true)?;
            } else {
                note_relaying(link, author, is_back.then_some(since), false)?;
            }
        }
        Ok(())
    }
}

/// Relays at once everything of an author that the folder lacks.
fn relay_all(link: &mut Link, author: AuthorId) -> Result<Relayed, RelayError> {
    if !link.transport.has_relays() {
        return Err(RelayError::Unsupported);
    }
    let failed = |error: PublishError| RelayError::Failed(error);
    let (mut from, mut messages) = (Some(0), 0);
    while let Some(after) = from {
        match seek(link, author, after).map_err(failed)? {
            Sought::Unclear(why) => return Err(RelayError::Unclear(why)),
            Sought::Absent { frames, next } => {
                for run in runs(&frames) {
                    put(link, run).map_err(failed)?;
                    messages += run.len() as u64;
                }
                from = next;
            }
        }
    }
    Ok(Relayed { author, messages })
}

/// Returns the time of this member's turn: the messages have been missing for long enough, their
/// author has been silent, and every member before this one has had time.
fn due_ms(link: &Link, author: AuthorId, last: u64, since: i64, relaying: &Relaying, unix_ms: i64) -> i64 {
    let state = link.shared.lock();
    // A clock that is ahead would make this member wait forever.
    let heard = state.core.heard_ms(author).map_or(since, |heard| heard.min(since));
    let rank = state.core.rank(author, last, |head| counts(head, state.heard.by_author(), relaying, unix_ms));
    let absent = since.saturating_add(ms(relaying.absent));
    absent.max(heard.saturating_add(ms(relaying.silent))).saturating_add(ms(relaying.turn.saturating_mul(rank)))
}

/// Puts a run of messages into the folder, as this member.
fn put(link: &mut Link, run: &[Frame]) -> Result<(), PublishError> {
    let Some(me) = link.shared.author() else { return Ok(()) };
    match (run, Pack::of(run)) {
        (_, Ok(pack)) => link.transport.relay_pack(&pack, me)?,
        ([frame, ..], _) => link.transport.relay(frame, me)?,
        ([], _) => return Ok(()),
    };
    Ok(())
}

/// Returns whether the directories of more than half of the members are missing. A directory that a
/// service has named like a copy counts as present, and so does one that cannot be listed.
fn is_half_missing(link: &mut Link) -> bool {
    let (doubled, authors): (BTreeSet<AuthorId>, Vec<AuthorId>) = {
        let state = link.shared.lock();
        let others = state.core.authors().filter(|&author| !state.core.is_own(author));
        (state.report.doubled.iter().map(|beside| beside.author).collect(), others.take(ASKED).collect())
    };
    let is_missing = |&author: &&AuthorId| !doubled.contains(author) && matches!(own_runs(link, *author), Ok(None));
    let missing = authors.iter().filter(is_missing).count();
    // This member's own directory is there, or is about to be.
    missing * 2 > authors.len() + 1
}

/// Returns what is in an author's own directory; `None` when that is nothing.
fn own_runs(link: &mut Link, author: AuthorId) -> Result<Option<Runs>, PublishError> {
    match link.transport.inventory(author) {
        Ok(there) if there.is_empty() => Ok(None),
        Ok(there) => Ok(Some(Runs::of(&there))),
        Err(CollectError::Failed { place, source }) => Err(PublishError::Failed { place, source }),
        Err(error) => Err(PublishError::Failed { place: "the folder".to_owned(), source: error.into() }),
    }
}

/// Notes since when an author's own messages are back. Once nothing of it is relayed, also notes
/// that it is no longer missed.
fn note_relaying(link: &Link, author: AuthorId, since: Option<i64>, is_over: bool) -> Result<(), PublishError> {
    link.note(|marks| {
        marks.back.retain(|back| back.0 != author);
        marks.back.extend(since.map(|since| (author, since)));
        marks.absent.retain(|absent| absent.author != author || !is_over);
    })
}

fn absent(link: &Link, author: AuthorId) -> Option<Absent> {
    link.shared.lock().marks.absent.iter().find(|absent| absent.author == author).copied()
}

/// Changes the note on an author's missing messages; drops the note if nothing is left in it.
fn note_absent(link: &Link, author: AuthorId, change: impl Fn(&mut Absent)) -> Result<(), PublishError> {
    link.note(|marks| {
        let at = marks.absent.iter().position(|absent| absent.author == author);
        let mut absent = at.map_or(Absent { author, since_ms: None, relayed: 0 }, |at| marks.absent.remove(at));
        change(&mut absent);
        if absent.since_ms.is_some() || absent.relayed > 0 {
            marks.absent.push(absent);
        }
    })
}

/// Returns whether a member counts: it was heard of lately, by its clock or by this machine's.
fn counts(head: &Head, news: &BTreeMap<AuthorId, i64>, relaying: &Relaying, unix_ms: i64) -> bool {
    let latest = news.get(&head.author).copied().unwrap_or(head.unix_ms).max(head.unix_ms);
    latest >= unix_ms.saturating_sub(ms(relaying.patience))
}

/// Splits frames, in the order of their counters, into runs that each fit one file.
fn runs(frames: &[Frame]) -> Vec<&[Frame]> {
    frames.chunk_by(|before, next| before.id().counter + 1 == next.id().counter).collect()
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
