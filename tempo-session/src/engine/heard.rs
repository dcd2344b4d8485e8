//! When something new of another author came last.

use std::collections::BTreeMap;

use tempo_clock::AuthorId;

/// By the clock of this machine, in milliseconds since 1970; of a limited number of authors.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    at: BTreeMap<AuthorId, i64>,
    /// The wall clock as of the driver's last turn.
    unix_ms: i64,
}

/// Of so many authors it is known.
const MOST: usize = 4096;

impl Heard {
    /// A turn of the driver begins at this time.
    pub(crate) fn tick(&mut self, unix_ms: i64) {
        self.unix_ms = unix_ms;
    }

    /// Something new of an author has come in this turn.
    pub(crate) fn hear(&mut self, author: AuthorId) {
        if self.at.len() < MOST || self.at.contains_key(&author) {
            self.at.insert(author, self.unix_ms);
        }
    }

    pub(crate) fn by_author(&self) -> &BTreeMap<AuthorId, i64> {
        &self.at
    }
}
