//! Messages whose files are listed in the folder, but whose content is elsewhere.

use std::collections::BTreeMap;

use tempo_clock::{AuthorId, union};
use tempo_message::{Item, Pending, PendingReason};

use crate::api::status::{Gap, Member, Status};

/// Messages of one author that wait for download.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download {
    /// The author, if known.
    pub author: Option<AuthorId>,
    /// The counters of the messages, as far as the file names reveal them, without those already here.
    pub numbers: Vec<Gap>,
    /// The files that wait for download.
    pub files: Vec<Pending>,
    /// True if there may be more messages. Files that do not answer are not all tried at once.
    pub is_least: bool,
    /// True if the files are placeholders, which only the service's program can replace. Opening them has no
    /// effect.
    pub is_placeholder: bool,
}

impl Download {
    /// Returns the least number of messages that wait for download.
    pub fn count(&self) -> u64 {
        let numbers = self.numbers.iter().map(|range| (range.end() - range.start()).saturating_add(1));
        numbers.fold(0, u64::saturating_add).max(u64::from(!self.files.is_empty()))
    }
}

impl Status {
    /// Returns the messages that wait for download, by author.
    pub fn downloads(&self) -> Vec<Download> {
        let mut of: BTreeMap<_, Download> = BTreeMap::new();
        for pending in &self.report.pending {
            let is_least = matches!(pending.reason, PendingReason::NotHereYet { .. });
            let is_online = matches!(pending.reason, PendingReason::OnlineOnly | PendingReason::PerhapsOnline);
            if !(is_least || is_online) || pending.item.directory().is_some() {
                continue;
            }
            let named = pending.item.counters();
            let missing = named.as_ref().map(|named| self.missing_of(pending.author, named)).unwrap_or_default();
            if named.is_some() && missing.is_empty() {
                continue;
            }
            let is_placeholder =
                pending.reason == PendingReason::PerhapsOnline || matches!(pending.item, Item::Placeholder { .. });
            let download = of.entry((pending.author, is_placeholder)).or_insert_with(|| Download {
                author: pending.author,
                numbers: Vec::new(),
                files: Vec::new(),
                is_least: false,
                is_placeholder,
            });
            download.is_least |= is_least;
            download.numbers.extend(missing);
            download.files.push(pending.clone());
        }
        of.into_values().map(|it| Download { numbers: union(it.numbers), ..it }).collect()
    }

    /// Returns whether messages may be missing because a file of this author cannot be read.
    pub fn is_missed(&self, author: Option<AuthorId>, item: Item) -> bool {
        let numbers = item.counters().filter(|_| author.is_some());
        let is_missed = numbers.is_none_or(|numbers| !self.missing_of(author, &numbers).is_empty());
        is_missed && item != Item::Head
    }

    /// Returns the counters of an author in this range that are missing here.
    pub(crate) fn missing_of(&self, author: Option<AuthorId>, numbers: &Gap) -> Vec<Gap> {
        let at = author.and_then(|author| self.members.binary_search_by_key(&author, |member| member.author).ok());
        let member = at.and_then(|at| self.members.get(at));
        member.map_or_else(|| vec![numbers.clone()], |member| missing_of(member, numbers))
    }
}

fn missing_of(member: &Member, numbers: &Gap) -> Vec<Gap> {
    let later = member.last.saturating_add(1)..=u64::MAX;
    let missing = member.gaps.iter().chain([&later]);
    missing
        .map(|gap| *gap.start().max(numbers.start())..=*gap.end().min(numbers.end()))
        .filter(|it| !it.is_empty())
        .collect()
}
