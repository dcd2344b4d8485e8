//! When each author was last heard from.

use std::collections::BTreeMap;

use tempo_clock::AuthorId;

/// The times by this machine's clock, in milliseconds since 1970, for a limited number of authors.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    at: BTreeMap<AuthorId, i64>,
    /// The wall clock as of the driver's last turn.
    unix_ms: i64,
}

/// The most authors whose times are kept.
const MOST: usize = 4096;

impl Heard {
    /// Begins a turn of the driver at this time.
    pub(crate) fn tick(&mut self, unix_ms: i64) {
        self.unix_ms = unix_ms;
    }

    /// Notes that something new has come from an author in this turn.
    pub(crate) fn hear(&mut self, author: AuthorId) {
        if self.at.len() < MOST || self.at.contains_key(&author) {
            self.at.insert(author, self.unix_ms);
        }
    }

    pub(crate) fn by_author(&self) -> &BTreeMap<AuthorId, i64> {
        &self.at
    }
}
