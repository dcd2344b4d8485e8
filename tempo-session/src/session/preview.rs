//! The end of the timeline, known before everything else is read.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tempo_clock::Stamp;
use tempo_message::{Digest, MessageId};

use super::timeline::Described;
use crate::protocol::{Chunked, SessionCore, Slot};

/// A timeline that is asked for before it is read: of its end there is everything but the payloads.
#[derive(Debug)]
pub(super) struct Early {
    preview: Preview,
    /// All of it, once it is read.
    slots: OnceLock<Chunked<Slot>>,
}

/// What is kept of a timeline beside the pages, to be shown first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Preview {
    /// So many messages the timeline has.
    messages: usize,
    /// The last of them, in order.
    last: Vec<Shown>,
}

/// What is known of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shown {
    id: MessageId,
    stamp: Stamp,
    digest: Digest,
    name: Option<String>,
}

impl Preview {
    /// So many messages: some pages of a screen.
    const LAST: usize = 128;

    /// The end of a core's timeline.
    pub(super) fn of(core: &SessionCore) -> Self {
        let messages = core.timeline().len();
        let last = (messages.saturating_sub(Self::LAST)..messages).filter_map(|position| {
            let slot = *core.timeline().get(position)?;
            let (id, (stamp, digest)) = core.id(slot).zip(core.order(slot))?;
            Some(Shown { id, stamp, digest, name: core.name_at(id).map(str::to_owned) })
        });
        Self { messages, last: last.collect() }
    }
}

impl Early {
    pub(super) fn new(preview: Preview) -> Self {
        Self { preview, slots: OnceLock::new() }
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.preview.messages
    }

    /// The message at a position, if it is near the end.
    pub(super) fn get(&self, position: usize) -> Option<Described> {
        let Preview { messages, last } = &self.preview;
        let Shown { id, stamp, digest, name } = last.get((position + last.len()).checked_sub(*messages)?)?;
        Some(Described::new(position, *id, (*stamp, *digest), name.clone()))
    }

    /// The timeline is read.
    pub(super) fn fill(&self, core: &SessionCore) {
        // Once, by who reads it.
        let _ = self.slots.set(core.timeline().slots());
    }

    /// The timeline, once it is read.
    pub(super) fn slots(&self) -> Option<&Chunked<Slot>> {
        self.slots.get()
    }
}
