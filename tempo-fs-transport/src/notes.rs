//! What is remembered of the names that are not simply known messages.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ffi::{OsStr, OsString},
    mem,
    time::Duration,
};

use tempo_message::{AuthorId, Beside, Foreign, ForeignReason, Pending, PendingReason, Report, planted};

use crate::{FileName, Version, name::HEAD};

/// The exceptional names of one directory, bounded.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    by_name: BTreeMap<OsString, Note>,
    unlisted: u64,
    listing: u32,
    changed: bool,
    has_news: bool,
}

#[derive(Debug)]
pub(crate) struct Note {
    finding: Finding,
    version: Option<Version>,
    attempts: u32,
    retry_at: Duration,
    listing: u32,
    /// It was found foreign, and nobody has been told yet.
    is_news: bool,
}

/// What was found under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Everything in it is dealt with.
    Settled,
    /// It may become a message; looked at again after a while, or when it changes.
    Pending(PendingReason),
    /// It is not ours; looked at again when it changes.
    Foreign(ForeignReason),
}

/// So many names of one directory are remembered; those beyond are counted.
const LIMIT: usize = 4096;
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(30);

impl Notes {
    /// Begins a listing: what is not [kept](Self::keep) before it [ends](Self::end_listing) is forgotten.
    pub(crate) fn begin_listing(&mut self) {
        self.listing = self.listing.wrapping_add(1);
        self.unlisted = 0;
    }

    /// The number of the listing that has begun last.
    pub(crate) fn listing(&self) -> u32 {
        self.listing
    }

    /// Ends a listing.
    pub(crate) fn end_listing(&mut self) {
        let (listing, changed) = (self.listing, &mut self.changed);
        self.by_name.retain(|_, note| {
            let keep = note.listing == listing;
            *changed |= !keep && note.finding != Finding::Settled;
            keep
        });
    }

    /// The note of a name that is still there.
    pub(crate) fn keep(&mut self, name: &OsStr) -> Option<&Note> {
        let note = self.by_name.get_mut(name)?;
        note.listing = self.listing;
        Some(note)
    }

    /// What is remembered of a name.
    pub(crate) fn get(&self, name: &OsStr) -> Option<&Note> {
        self.by_name.get(name)
    }

    /// Writes down what a name turned out to be. Without a version, the name alone decided.
    pub(crate) fn put(&mut self, name: &OsStr, version: Option<Version>, finding: Finding, now: Duration) {
        if planted!(SilentForeign) && matches!(finding, Finding::Foreign(_)) {
            return;
        }
        let is_foreign = matches!(finding, Finding::Foreign(_));
        let room = self.by_name.len() < LIMIT;
        let news = match self.by_name.entry(name.to_owned()) {
            Entry::Occupied(mut entry) => {
                let note = entry.get_mut();
                let news = note.finding != finding || note.version != version;
                note.attempts = if news { 0 } else { note.attempts.saturating_add(1) };
                note.retry_at = now + retry_delay(note.attempts);
                note.version = version;
                note.finding = finding;
                note.listing = self.listing;
                note.is_news = is_foreign && (news || note.is_news);
                news
            }
            Entry::Vacant(entry) if room => {
                let retry_at = now + retry_delay(0);
                let listing = self.listing;
                entry.insert(Note { finding, version, attempts: 0, retry_at, listing, is_news: is_foreign });
                true
            }
            Entry::Vacant(_) => {
                if finding != Finding::Settled {
                    self.unlisted += 1;
                    self.changed = true;
                }
                return;
            }
        };
        self.changed |= news;
        self.has_news |= news && is_foreign;
    }

    /// Forgets a name, because its messages are known or it is gone.
    pub(crate) fn forget(&mut self, name: &OsStr) {
        let removed = self.by_name.remove(name);
        self.changed |= removed.is_some_and(|note| note.finding != Finding::Settled);
    }

    /// Whether the report has changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        mem::take(&mut self.changed)
    }

    /// What was found foreign since the last call.
    pub(crate) fn take_news(&mut self) -> Vec<(OsString, ForeignReason)> {
        if !mem::take(&mut self.has_news) {
            return Vec::new();
        }
        let untold = self.by_name.iter_mut().filter_map(|(name, note)| match &note.finding {
            Finding::Foreign(reason) if mem::take(&mut note.is_news) => Some((name.clone(), reason.clone())),
            _ => None,
        });
        untold.collect()
    }

    /// Whether something here was taken for a damaged message.
    pub(crate) fn has_bad(&self) -> bool {
        self.by_name.values().any(|note| matches!(note.finding, Finding::Foreign(ForeignReason::Bad(_))))
    }

    /// The names of what may be stand-ins of a service.
    pub(crate) fn stand_ins(&self) -> Vec<OsString> {
        let perhaps = |note: &Note| note.finding == Finding::Pending(PendingReason::PerhapsOnline);
        self.by_name.iter().filter(|(_, note)| perhaps(note)).map(|(name, _)| name.clone()).collect()
    }

    /// When the next pending name is to be looked at again.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        let pending = self.by_name.values().filter(|note| matches!(note.finding, Finding::Pending(_)));
        pending.map(|note| note.retry_at).min()
    }

    /// Adds to a report what these names are; `place` gives their printable path.
    pub(crate) fn describe(&self, place: &dyn Fn(&OsStr) -> String, author: Option<AuthorId>, report: &mut Report) {
        report.unlisted += self.unlisted;
        for (name, note) in &self.by_name {
            let place = || place(name);
            match note.finding.clone() {
                Finding::Settled => {
                    let counter = match FileName::parse(name) {
                        FileName::Copy(first) => Some(first),
                        FileName::Head if name != HEAD => None,
                        _ => continue,
                    };
                    if let Some(author) = author {
                        report.copies.push(Beside { place: place(), author, counter });
                    }
                }
                Finding::Foreign(reason) => report.foreign.push(Foreign { place: place(), author, reason }),
                Finding::Pending(reason) => {
                    let counter = match FileName::parse(name) {
                        FileName::Message(first)
                        | FileName::Pack(first, _)
                        | FileName::Copy(first)
                        | FileName::Placeholder(first, _) => author.and(Some(first)),
                        _ => None,
                    };
                    report.pending.push(Pending { place: place(), author, counter, reason });
                }
            }
        }
    }
}

impl Note {
    /// Whether the report names it for what it holds.
    pub(crate) fn is_exceptional(&self) -> bool {
        self.finding != Finding::Settled
    }

    /// Whether the name can be passed over: nothing has changed since, and no new attempt is due.
    pub(crate) fn holds(&self, version: Version, now: Duration) -> bool {
        if planted!(PartialIsFinal) && matches!(self.finding, Finding::Pending(PendingReason::Incomplete { .. })) {
            return true;
        }
        if planted!(UnreadableIsFinal) && matches!(self.finding, Finding::Pending(PendingReason::Unreadable { .. })) {
            return true;
        }
        self.version == Some(version) && !(matches!(self.finding, Finding::Pending(_)) && self.retry_at <= now)
    }
}

fn retry_delay(attempts: u32) -> Duration {
    if planted!(EverRarer) {
        return FIRST_RETRY.saturating_mul(1 << (5 * attempts).min(30));
    }
    FIRST_RETRY.saturating_mul(1 << attempts.min(10)).min(LAST_RETRY)
}
