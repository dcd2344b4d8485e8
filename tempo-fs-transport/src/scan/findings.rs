//! What is remembered of the names that are not simply known messages.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ffi::{OsStr, OsString},
    io, mem,
    time::Duration,
};

use tempo_message::{AuthorId, Beside, Foreign, ForeignReason, Pending, PendingReason, Report, planted};

use crate::{
    format::{
        item::item,
        known::temporary,
        name::{FileName, HEAD},
    },
    fs::{error::unreadable, port::Version},
};

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
    /// When the version had certainly been seen for the first time.
    first_seen: Duration,
    /// The version had not settled when it was read: the same one may hold something else by now.
    is_provisional: bool,
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
    /// Everything in it is dealt with, although something has converted its line ends.
    Converted,
    /// It is not ours; looked at again when it changes, and once its version has settled.
    Foreign(ForeignReason),
}

/// When a file was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
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
        self.put_read(name, version, finding, Span { began: now, ended: now });
    }

    /// Writes down that the system does not let a name be looked at now.
    pub(crate) fn put_unreadable(&mut self, name: &OsStr, error: &io::Error, now: Duration) {
        self.put(name, None, Finding::Pending(unreadable(error)), now);
    }

    /// Writes down what a file turned out to be that was read at this time.
    pub(crate) fn put_read(&mut self, name: &OsStr, version: Option<Version>, finding: Finding, span: Span) {
        if planted!(SilentForeign) && matches!(finding, Finding::Foreign(_)) {
            return;
        }
        let is_foreign = matches!(finding, Finding::Foreign(_));
        let room = self.by_name.len() < LIMIT;
        let news = match self.by_name.entry(name.to_owned()) {
            Entry::Occupied(mut entry) => {
                let note = entry.get_mut();
                let news = note.finding != finding || note.version != version;
                // Times that change each time it is read are no reason to read it ever again.
                let attempts = if note.finding == finding { note.attempts.saturating_add(1) } else { 0 };
                let first_seen = if note.version == version { note.first_seen } else { span.ended };
                let is_news = is_foreign && (news || note.is_news);
                let retry_at = span.ended + retry_delay(attempts);
                let now = Note::new(finding, version, first_seen, span, self.listing);
                *note = Note { attempts, retry_at, is_news, ..now };
                news
            }
            Entry::Vacant(entry) if room => {
                entry.insert(Note::new(finding, version, span.ended, span, self.listing));
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

    /// Something else that is reported has changed.
    pub(crate) fn note_change(&mut self) {
        self.changed = true;
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

    /// When the next name is to be looked at again although nothing has changed.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        self.by_name.values().filter(|note| note.is_retried()).map(|note| note.retry_at).min()
    }

    /// Adds to a report what these names are; `place` gives their printable path.
    pub(crate) fn describe(&self, place: &dyn Fn(&OsStr) -> String, author: Option<AuthorId>, report: &mut Report) {
        report.unlisted += self.unlisted;
        for (name, note) in &self.by_name {
            let (place, item, is_temporary) = (|| place(name), item(name), temporary(name).is_some());
            match note.finding.clone() {
                Finding::Settled => {
                    let counter = match FileName::parse(name) {
                        FileName::Copy(first) => Some(first),
                        FileName::Head if name != HEAD => None,
                        _ => continue,
                    };
                    if let Some(author) = author {
                        report.copies.push(Beside { place: place(), item, is_temporary, author, counter });
                    }
                }
                Finding::Converted => {
                    let counter = match FileName::parse(name) {
                        FileName::Message(first) | FileName::Pack(first, _) | FileName::Copy(first) => Some(first),
                        _ => None,
                    };
                    if let Some(author) = author {
                        report.converted.push(Beside { place: place(), item, is_temporary, author, counter });
                    }
                }
                Finding::Foreign(reason) => report.foreign.push(Foreign { place: place(), item, author, reason }),
                Finding::Pending(reason) => {
                    let counter = match FileName::parse(name) {
                        FileName::Message(first)
                        | FileName::Pack(first, _)
                        | FileName::Copy(first)
                        | FileName::Placeholder(first, _) => author.and(Some(first)),
                        _ => None,
                    };
                    report.pending.push(Pending { place: place(), item, author, counter, reason });
                }
            }
        }
    }
}

impl Note {
    fn new(finding: Finding, version: Option<Version>, first_seen: Duration, span: Span, listing: u32) -> Self {
        let is_foreign = matches!(finding, Finding::Foreign(_));
        let has_settled = first_seen + Version::SETTLING <= span.began || planted!(LooksAreFinal);
        Self {
            is_provisional: is_foreign && version.is_some() && !has_settled,
            is_news: is_foreign,
            finding,
            version,
            first_seen,
            attempts: 0,
            retry_at: span.ended + retry_delay(0),
            listing,
        }
    }

    /// Whether it is looked at again although nothing has changed.
    fn is_retried(&self) -> bool {
        self.is_provisional || matches!(self.finding, Finding::Pending(_))
    }

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
        self.version == Some(version) && !(self.is_retried() && self.retry_at <= now)
    }
}

fn retry_delay(attempts: u32) -> Duration {
    if planted!(EverRarer) {
        return FIRST_RETRY.saturating_mul(1 << (5 * attempts).min(30));
    }
    FIRST_RETRY.saturating_mul(1 << attempts.min(10)).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use tempo_message::{BadFrame, FileType};

    use super::*;
    use crate::fs::port::{Identity, Stat};

    fn version(modified_ns: i128) -> Version {
        let identity = Identity { volume: 1, number: 1 };
        let (file_type, changed_ns) = (FileType::File, modified_ns);
        Stat { file_type, len: 9, identity, modified_ns, changed_ns, online_only: false }.version()
    }

    /// Looks at a file that is damaged, and looks the same each time, as soon as that is due; when that was.
    fn looks(most: usize, mut version: impl FnMut(usize) -> Version) -> Vec<u64> {
        let (mut notes, mut now, mut looks) = (Notes::default(), Duration::from_secs(60), Vec::new());
        let name = OsStr::new("0000000000000001");
        while looks.len() < most {
            looks.push(u64::try_from(now.saturating_sub(Duration::from_secs(60)).as_millis()).unwrap());
            let (bad, version) = (Finding::Foreign(ForeignReason::Bad(BadFrame::Digest)), version(looks.len()));
            notes.put_read(name, Some(version), bad, Span { began: now, ended: now });
            let Some(retry) = notes.next_retry() else { break };
            let note = notes.get(name).unwrap();
            assert!(note.holds(version, retry.saturating_sub(Duration::from_millis(1))) && !note.holds(version, retry));
            now = retry;
        }
        looks
    }

    #[test]
    fn what_is_damaged_is_read_again_until_a_change_would_show() {
        assert_eq!(looks(99, |_| version(0)), [0, 250, 750, 1750, 3750]);
    }

    #[test]
    fn times_that_reading_moves_do_not_have_it_read_ever_again() {
        let ever_others = looks(12, |look| version(i128::try_from(look).unwrap()));
        assert_eq!(ever_others[9..], [91_750, 121_750, 151_750]);
    }

    /// A look that took long, on a slow drive, may have begun before its version had settled.
    #[test]
    fn a_look_counts_from_when_it_began() {
        let mut notes = Notes::default();
        let mut look = |began: u64, ended: u64| {
            let [began, ended] = [began, ended].map(Duration::from_secs);
            let bad = Finding::Foreign(ForeignReason::Bad(BadFrame::Digest));
            notes.put_read(OsStr::new("0000000000000001"), Some(version(0)), bad, Span { began, ended });
            notes.next_retry().is_some()
        };
        assert!(look(0, 9));
        assert!(look(10, 30), "one second after the version was seen");
        assert!(!look(30, 31));
    }
}
