//! The names of a directory that are not simply known messages.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ffi::{OsStr, OsString},
    io, mem,
    time::Duration,
};

use tempo_message::{AuthorId, Duplicate, Foreign, ForeignReason, Pending, PendingReason, Report, planted};

use crate::{
    format::{
        item::item,
        known::temporary,
        name::{FileName, HEAD},
    },
    fs::{error::unreadable, port::Version},
};

/// The findings about the names of one directory, up to a limit.
#[derive(Debug, Default)]
pub(crate) struct Findings {
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
    /// The time at which the version had certainly been seen.
    first_seen: Duration,
    /// The version was too recent when it was read: the same version may hold something else by now.
    is_provisional: bool,
    attempts: u32,
    retry_at: Duration,
    listing: u32,
    /// It was found foreign, and that was not handed up yet.
    is_news: bool,
}

/// The result of examining a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// All its messages were handed up.
    Done,
    /// It may become a message; it is examined again after a while, or when it changes.
    Pending(PendingReason),
    /// All its messages were handed up, although something had converted its line ends.
    Converted,
    /// It is not ours; it is examined again when it changes, and once its version is old enough.
    Foreign(ForeignReason),
}

/// The time during which a file was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
}

/// The most names of one directory that are remembered; further ones are counted.
const LIMIT: usize = 4096;
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(30);

impl Findings {
    /// Begins a listing: names that are not [kept](Self::keep) before it [ends](Self::end_listing)
    /// are forgotten.
    pub(crate) fn begin_listing(&mut self) {
        self.listing = self.listing.wrapping_add(1);
        self.unlisted = 0;
    }

    /// Returns the number of the latest listing.
    pub(crate) fn listing(&self) -> u32 {
        self.listing
    }

    /// Ends a listing.
    pub(crate) fn end_listing(&mut self) {
        let (listing, changed) = (self.listing, &mut self.changed);
        self.by_name.retain(|name, note| {
            let keep = note.listing == listing;
            *changed |= !keep && note.finding.is_reported(name);
            keep
        });
    }

    /// Keeps the note of a name that is still there, and returns it.
    pub(crate) fn keep(&mut self, name: &OsStr) -> Option<&Note> {
        let note = self.by_name.get_mut(name)?;
        note.listing = self.listing;
        Some(note)
    }

    /// Returns the note of a name.
    pub(crate) fn get(&self, name: &OsStr) -> Option<&Note> {
        self.by_name.get(name)
    }

    /// Notes a finding. Without a version, the name alone decided.
    pub(crate) fn put(&mut self, name: &OsStr, version: Option<Version>, finding: Finding, now: Duration) {
        self.put_read(name, version, finding, Span { began: now, ended: now });
    }

    /// Notes that a name cannot be examined now.
    pub(crate) fn put_unreadable(&mut self, name: &OsStr, error: &io::Error, now: Duration) {
        self.put(name, None, Finding::Pending(unreadable(error)), now);
    }

    /// Notes a finding about a file that was read during this span.
    pub(crate) fn put_read(&mut self, name: &OsStr, version: Option<Version>, finding: Finding, span: Span) {
        if planted!(SilentForeign) && matches!(finding, Finding::Foreign(_)) {
            return;
        }
        let is_foreign = matches!(finding, Finding::Foreign(_));
        let room = self.by_name.len() < LIMIT;
        let is_reported = finding.is_reported(name);
        let (news, changed) = match self.by_name.entry(name.to_owned()) {
            Entry::Occupied(mut entry) => {
                let note = entry.get_mut();
                let is_other = note.finding != finding;
                let changed = is_other && (is_reported || note.finding.is_reported(name));
                let news = is_other || note.version != version;
                // Times that change with each read must not cause another one.
                let attempts = if is_other { 0 } else { note.attempts.saturating_add(1) };
                let first_seen = if note.version == version { note.first_seen } else { span.ended };
                let is_news = is_foreign && (news || note.is_news);
                let retry_at = span.ended + retry_delay(attempts);
                let now = Note::new(finding, version, first_seen, span, self.listing);
                *note = Note { attempts, retry_at, is_news, ..now };
                (news, changed)
            }
            Entry::Vacant(entry) if room => {
                entry.insert(Note::new(finding, version, span.ended, span, self.listing));
                (true, is_reported)
            }
            Entry::Vacant(_) => {
                if finding != Finding::Done {
                    self.unlisted += 1;
                    self.changed = true;
                }
                return;
            }
        };
        self.changed |= changed;
        self.has_news |= news && is_foreign;
    }

    /// Forgets a name, because its messages are known or it is gone.
    pub(crate) fn forget(&mut self, name: &OsStr) {
        let removed = self.by_name.remove(name);
        self.changed |= removed.is_some_and(|note| note.finding.is_reported(name));
    }

    /// Notes another change of the report.
    pub(crate) fn note_change(&mut self) {
        self.changed = true;
    }

    /// Returns whether the report has changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        mem::take(&mut self.changed)
    }

    /// Returns what was found foreign since the last call.
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

    /// Returns whether a damaged message was found.
    pub(crate) fn has_bad(&self) -> bool {
        self.by_name.values().any(|note| matches!(note.finding, Finding::Foreign(ForeignReason::Bad(_))))
    }

    /// Returns the names of possible placeholders.
    pub(crate) fn placeholders(&self) -> Vec<OsString> {
        let perhaps = |note: &Note| note.finding == Finding::Pending(PendingReason::PerhapsOnline);
        self.by_name.iter().filter(|(_, note)| perhaps(note)).map(|(name, _)| name.clone()).collect()
    }

    /// Returns the time of the next retry.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        self.by_name.values().filter(|note| note.is_retried()).map(|note| note.retry_at).min()
    }

    /// Adds the findings to a report; `place` gives a name's printable path.
    pub(crate) fn describe(&self, place: &dyn Fn(&OsStr) -> String, author: Option<AuthorId>, report: &mut Report) {
        report.unlisted += self.unlisted;
        for (name, note) in &self.by_name {
            let (place, item, is_temporary) = (|| place(name), || item(name), || temporary(name).is_some());
            let duplicate = |author, counter| Duplicate {
                place: place(),
                item: item(),
                is_temporary: is_temporary(),
                author,
                counter,
            };
            match note.finding.clone() {
                Finding::Done => {
                    let counter = match FileName::parse(name) {
                        FileName::Copy(first) => Some(first),
                        FileName::Head if name != HEAD => None,
                        _ => continue,
                    };
                    report.copies.extend(author.map(|author| duplicate(author, counter)));
                }
                Finding::Converted => {
                    let counter = match FileName::parse(name) {
                        FileName::Message(first) | FileName::Pack(first, _) | FileName::Copy(first) => Some(first),
                        _ => None,
                    };
                    report.converted.extend(author.map(|author| duplicate(author, counter)));
                }
                Finding::Foreign(reason) => {
                    report.foreign.push(Foreign { place: place(), item: item(), author, reason });
                }
                Finding::Pending(reason) => {
                    let counter = match FileName::parse(name) {
                        FileName::Message(first)
                        | FileName::Pack(first, _)
                        | FileName::Copy(first)
                        | FileName::Placeholder(first, _) => author.and(Some(first)),
                        _ => None,
                    };
                    report.pending.push(Pending { place: place(), item: item(), author, counter, reason });
                }
            }
        }
    }
}

impl Finding {
    /// Returns whether the report names it, under this name: of what was handed up, only copies.
    fn is_reported(&self, name: &OsStr) -> bool {
        *self != Self::Done
            || match FileName::parse(name) {
                FileName::Copy(_) => true,
                FileName::Head => name != HEAD,
                _ => false,
            }
    }
}

impl Note {
    fn new(finding: Finding, version: Option<Version>, first_seen: Duration, span: Span, listing: u32) -> Self {
        let is_foreign = matches!(finding, Finding::Foreign(_));
        let is_quiet = first_seen + Version::QUIET_FOR <= span.began || planted!(LooksAreFinal);
        Self {
            is_provisional: is_foreign && version.is_some() && !is_quiet,
            is_news: is_foreign,
            finding,
            version,
            first_seen,
            attempts: 0,
            retry_at: span.ended + retry_delay(0),
            listing,
        }
    }

    /// Returns whether it is examined again although nothing has changed.
    fn is_retried(&self) -> bool {
        self.is_provisional || matches!(self.finding, Finding::Pending(_))
    }

    /// Returns whether the report names it.
    pub(crate) fn is_exceptional(&self) -> bool {
        self.finding != Finding::Done
    }

    /// Returns whether the name can be skipped: nothing has changed, and no retry is due.
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

    /// Examines a damaged file as soon as that is due; returns the times.
    fn looks(most: usize, mut version: impl FnMut(usize) -> Version) -> Vec<u64> {
        let (mut findings, mut now, mut looks) = (Findings::default(), Duration::from_secs(60), Vec::new());
        let name = OsStr::new("0000000000000001");
        while looks.len() < most {
            looks.push(u64::try_from(now.saturating_sub(Duration::from_secs(60)).as_millis()).unwrap());
            let (bad, version) = (Finding::Foreign(ForeignReason::Bad(BadFrame::Digest)), version(looks.len()));
            findings.put_read(name, Some(version), bad, Span { began: now, ended: now });
            let Some(retry) = findings.next_retry() else { break };
            let note = findings.get(name).unwrap();
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

    /// A long look on a slow drive may have begun when its version was too recent.
    #[test]
    fn a_look_counts_from_when_it_began() {
        let mut findings = Findings::default();
        let mut look = |began: u64, ended: u64| {
            let [began, ended] = [began, ended].map(Duration::from_secs);
            let bad = Finding::Foreign(ForeignReason::Bad(BadFrame::Digest));
            findings.put_read(OsStr::new("0000000000000001"), Some(version(0)), bad, Span { began, ended });
            findings.next_retry().is_some()
        };
        assert!(look(0, 9));
        assert!(look(10, 30), "one second after the version was seen");
        assert!(!look(30, 31));
    }
}
