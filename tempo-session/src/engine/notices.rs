//! Changes that are reported while there is nothing else to do: waiting messages, gaps and silent
//! authors.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use tempo_clock::{AuthorId, Counters};
use tempo_message::{Digest, MessageId};

use crate::{core::session_core::SessionCore, engine::event::Event};

/// The facts that were last reported: the waiting messages, the authors with missing messages, and
/// the silent authors.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    held: BTreeMap<Digest, MessageId>,
    gaps: BTreeSet<AuthorId>,
    silent: BTreeSet<AuthorId>,
}

/// The most waiting messages that are reported at a time.
const HELD: usize = 1024;

impl Notices {
    /// Returns what has changed since the last call. An author counts as silent after `idle`.
    pub(crate) fn step(&mut self, core: &SessionCore, unix_ms: i64, idle: Option<Duration>) -> Vec<Event> {
        let mut events = Vec::new();
        self.step_held(core, &mut events);
        self.step_gaps(core, &mut events);
        let silent = core.silent(unix_ms, idle);
        events.extend(silent.difference(&self.silent).map(|&author| Event::Silent { author }));
        self.silent = silent;
        events
    }

    fn step_held(&mut self, core: &SessionCore, events: &mut Vec<Event>) {
        self.held.retain(|&digest, &mut id| {
            let is_held = core.is_held(id, digest);
            if !is_held {
                events.push(Event::Released { id });
            }
            is_held
        });
        for (id, digest) in core.held_first(HELD) {
            if self.held.len() < HELD && self.held.insert(digest, id).is_none() {
                events.push(Event::Held { id });
            }
        }
    }

    fn step_gaps(&mut self, core: &SessionCore, events: &mut Vec<Event>) {
        let missing = |counters: &Counters| counters.missing().map(|gap| gap.end() - gap.start() + 1).sum::<u64>();
        let seen = core.seen().iter().map(|(author, counters)| (author, missing(counters)));
        let gaps: BTreeMap<AuthorId, u64> = seen.filter(|&(_, missing)| missing > 0).collect();
        let before = mem::take(&mut self.gaps);
        let closed = before.iter().filter(|&author| !gaps.contains_key(author));
        events.extend(closed.map(|&author| Event::GapClosed { author }));
        let opened = gaps.iter().filter(|&(author, _)| !before.contains(author));
        events.extend(opened.map(|(&author, &missing)| Event::GapOpened { author, missing }));
        self.gaps = gaps.into_keys().collect();
    }
}
