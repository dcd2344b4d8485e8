//! The events of a session, in one order, for readers that each take them at their own pace.
//!
//! The feed is short. A reader that begins, or that has fallen behind, goes through the timeline
//! instead and takes, in order, the messages that it has not been given. So no message is lost, and
//! a slow reader costs no memory.

use std::{collections::VecDeque, vec};

use tempo_message::planted;

use crate::{
    core::{event::Slot, progress::Progress, session_core::SessionCore},
    engine::event::{Event, Placed},
};

/// The latest events.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    items: VecDeque<Item>,
    /// The number of the first item.
    first: u64,
}

/// An item of the feed.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A message entered the timeline.
    Message { slot: Slot, position: usize, is_late: bool },
    /// Any other event.
    Other(Event),
}

/// A reader of the events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    progress: Progress,
    /// The messages of the timeline as it was when the reader began that the reader does not have,
    /// with their positions; `None` until needed.
    backlog: Option<vec::IntoIter<(usize, Slot)>>,
    /// The last position at which the reader had a message before the backlog.
    last: usize,
    /// The next item of the feed.
    next: u64,
    /// The number of messages, in the order of acceptance, that were given or are in the backlog.
    taken: u64,
    /// An item that could not be read; it is taken again.
    returned: Option<Item>,
}

/// An item as a reader takes it.
#[derive(Debug)]
pub(crate) enum Next {
    Message { slot: Slot, position: usize, placed: Placed },
    Event(Event),
}

impl Feed {
    /// The most items kept.
    const LIMIT: usize = 4096;

    pub(crate) fn push(&mut self, item: Item) {
        if self.items.len() == Self::LIMIT {
            self.items.pop_front();
            self.first += 1;
        }
        self.items.push_back(item);
    }

    fn end(&self) -> u64 {
        self.first + u64::try_from(self.items.len()).unwrap_or(u64::MAX)
    }

    fn get(&self, number: u64) -> Option<&Item> {
        self.items.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

impl Reader {
    /// Begins with every message of the core and every item of the feed.
    pub(crate) fn at_the_beginning(core: &SessionCore) -> Self {
        Self { taken: core.end(), ..Self::default() }
    }

    /// Begins after what the application has. The messages that the feed has by now are in the
    /// timeline.
    pub(crate) fn after(progress: Progress, feed: &Feed, core: &SessionCore) -> Self {
        Self { progress, next: feed.end(), taken: core.end(), ..Self::default() }
    }

    /// Begins after everything that the core and the feed have.
    pub(crate) fn from_now(feed: &Feed, core: &SessionCore) -> Self {
        let mut progress = Progress { stable: core.stable_until(), ..Progress::default() };
        for &slot in core.timeline().iter() {
            core.cover(&mut progress.given, slot);
        }
        Self::after(progress, feed, core)
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns whether there is something to take.
    pub(crate) fn has_news(&self, feed: &Feed, core: &SessionCore) -> bool {
        let has_backlog = match &self.backlog {
            Some(backlog) => !backlog.as_slice().is_empty(),
            None => self.taken > 0,
        };
        let is_behind = self.next < feed.end() || core.stable_until() > self.progress.stable;
        has_backlog || is_behind || self.returned.is_some()
    }

    /// Takes the next item. A message counts as given only after [`note`](Self::note).
    pub(crate) fn take(&mut self, feed: &Feed, core: &SessionCore) -> Option<Next> {
        let item = match self.returned.take() {
            Some(item) => item,
            None => match self.next_item(feed, core) {
                Some(item) => item,
                None => return self.stable(core).map(Next::Event),
            },
        };
        Some(match item {
            Item::Message { slot, position, is_late } => {
                let placed = match is_late {
                    _ if self.progress.is_stable(core, slot) => Placed::BelowStable,
                    true => Placed::Late,
                    false => Placed::Last,
                };
                Next::Message { slot, position, placed }
            }
            Item::Other(event) => Next::Event(event),
        })
    }

    /// Notes that the application has the message.
    pub(crate) fn note(&mut self, core: &SessionCore, slot: Slot) {
        core.cover(&mut self.progress.given, slot);
    }

    /// Returns a message that could not be read; it is the next item again.
    pub(crate) fn give_back(&mut self, slot: Slot, position: usize, placed: Placed) {
        self.returned = Some(Item::Message { slot, position, is_late: placed != Placed::Last });
    }

    fn next_item(&mut self, feed: &Feed, core: &SessionCore) -> Option<Item> {
        let taken = self.taken;
        let backlog = self.backlog.get_or_insert_with(|| {
            let (missing, last) = core.beyond(&self.progress.given, taken);
            self.last = last;
            missing.into_iter()
        });
        if let Some((position, slot)) = backlog.next() {
            return Some(Item::Message { slot, position, is_late: position < self.last });
        }
        if self.next < feed.first {
            let (missing, last) = core.since(taken);
            (self.next, self.taken, self.last) = (feed.end(), core.end(), last);
            self.backlog = Some(missing.into_iter());
            return Some(Item::Other(Event::Missed));
        }
        loop {
            let item = feed.get(self.next)?.clone();
            self.next += 1;
            match item {
                Item::Message { slot, .. } => {
                    let number = core.number(slot)?;
                    if number >= self.taken || planted!(EventTwice) {
                        self.taken = number + 1;
                        return Some(item);
                    }
                }
                Item::Other(_) => return Some(item),
            }
        }
    }

    /// Returns what has become stable, once everything is taken.
    fn stable(&mut self, core: &SessionCore) -> Option<Event> {
        let stable = core.stable_until();
        (stable > self.progress.stable).then(|| {
            self.progress.stable = stable;
            Event::Stable { messages: core.len_until(stable) }
        })
    }
}
