//! What has changed since the last look and is worth telling, while there is nothing else to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::{AuthorId, Counters};
use tempo_message::{Digest, MessageId};

use crate::{api::events::Event, engine::shared::State};

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    held: BTreeMap<Digest, MessageId>,
    gaps: BTreeSet<AuthorId>,
    silent: BTreeSet<AuthorId>,
}

/// So many held messages are told of at a time.
const HELD: usize = 1024;

impl State {
    /// Tells which messages began to wait and which wait no more, of whom something is missing, and who is silent.
    pub(crate) fn notice(&mut self, unix_ms: i64, idle: Option<Duration>) {
        self.notice_held();
        self.notice_gaps();
        let silent = self.core.silent(unix_ms, idle);
        for &author in silent.difference(&std::mem::take(&mut self.noticed.silent)) {
            self.tell(Event::Silent { author });
        }
        self.noticed.silent = silent;
    }

    fn notice_held(&mut self) {
        let mut told = std::mem::take(&mut self.noticed.held);
        told.retain(|&digest, &mut id| {
            let is_held = self.core.is_held(digest);
            if !is_held {
                self.tell(Event::Released { id });
            }
            is_held
        });
        for (id, digest) in self.core.held_first(HELD) {
            if told.len() < HELD && told.insert(digest, id).is_none() {
                self.tell(Event::Held { id });
            }
        }
        self.noticed.held = told;
    }

    fn notice_gaps(&mut self) {
        let missing = |counters: &Counters| counters.missing().map(|gap| gap.end() - gap.start() + 1).sum::<u64>();
        let seen = self.core.seen().iter().map(|(author, counters)| (author, missing(counters)));
        let gaps: BTreeMap<AuthorId, u64> = seen.filter(|&(_, missing)| missing > 0).collect();
        let before = std::mem::take(&mut self.noticed.gaps);
        for &author in before.iter().filter(|&author| !gaps.contains_key(author)) {
            self.tell(Event::GapClosed { author });
        }
        for (&author, &missing) in gaps.iter().filter(|&(author, _)| !before.contains(author)) {
            self.tell(Event::GapOpened { author, missing });
        }
        self.noticed.gaps = gaps.into_keys().collect();
    }
}
