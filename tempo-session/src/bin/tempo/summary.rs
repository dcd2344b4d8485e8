//! The files of a session in a few numbers, for its status.

use std::collections::BTreeMap;

use serde::Serialize;
use tempo_session::{
    AuthorId, Session,
    status::{FileStatus, Names, Place, Sending},
};

use crate::{failure::Failure, output};

/// Numbers of files, and bytes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    count: usize,
    bytes: u64,
    /// The bytes of the files that each author has named and not released.
    by_author: BTreeMap<AuthorId, u64>,
    /// Files of which parts are missing in the folder, or damaged.
    missing: usize,
    /// Files of which the service keeps parts online only.
    elsewhere: usize,
    /// Own files on their way into the folder.
    sending: usize,
    /// Own files that are not sent unless a person does something.
    unsent: usize,
}

impl Summary {
    pub(crate) fn of(session: &Session) -> Result<Self, Failure> {
        let mut summary = Self::default();
        for file in session.files()? {
            summary.add(&file);
        }
        Ok(summary)
    }

    fn add(&mut self, file: &FileStatus) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(file.length);
        let mut authors: Vec<AuthorId> = file.named_by.iter().map(|message| message.author).collect();
        authors.sort_unstable();
        authors.dedup();
        for author in authors.into_iter().filter(|author| !file.released_by.contains(author)) {
            let bytes = self.by_author.entry(author).or_default();
            *bytes = bytes.saturating_add(file.length);
        }
        let is_released = !file.released_by.is_empty();
        self.missing += usize::from(matches!(file.place, Place::Missing { .. }) && !is_released);
        self.elsewhere += usize::from(file.place == Place::Elsewhere);
        match file.sending {
            Some(Sending::Publishing { .. }) => self.sending += 1,
            Some(Sending::Changed | Sending::Unwanted { .. } | Sending::Deselected) => self.unsent += 1,
            _ => {}
        }
    }

    /// Returns lines for people; none if there are no files.
    pub(crate) fn for_people(&self, names: &Names) -> Vec<String> {
        if self.count == 0 {
            return Vec::new();
        }
        let parts = [
            (self.missing, "not all here"),
            (self.elsewhere, "online only"),
            (self.sending, "of yours on the way into the folder"),
            (self.unsent, "of yours not sent; tempo files says why"),
        ];
        let said = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("; {count} {what}"));
        let all = format!(
            "{}, {}{}",
            output::counted(self.count, "file"),
            output::size(self.bytes),
            said.collect::<String>()
        );
        let of =
            |(author, bytes): (&AuthorId, &u64)| format!("  {:<12} {:>9}", names.of(*author), output::size(*bytes));
        let several = self.by_author.iter().filter(|_| self.by_author.len() > 1);
        std::iter::once(all).chain(several.map(of)).collect()
    }
}
