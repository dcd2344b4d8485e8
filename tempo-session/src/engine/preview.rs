//! The end of the timeline, known before everything else is read.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tempo_clock::Stamp;
use tempo_message::{Digest, MessageId};

use crate::api::timeline::Described;
use crate::core::{event::Slot, order::chunked::Chunked, session_core::SessionCore};

/// A timeline that is asked for before it is read: of its end there is everything but the payloads.
#[derive(Debug)]
pub(crate) struct Early {
    preview: Preview,
    /// All of it, once it is read.
    slots: OnceLock<Chunked<Slot>>,
}

/// What is kept of a timeline beside the pages, to be shown first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Preview {
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
    pub(crate) fn of(core: &SessionCore) -> Self {
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
    pub(crate) fn new(preview: Preview) -> Self {
        Self { preview, slots: OnceLock::new() }
    }

    /// How many messages there are.
    pub(crate) fn len(&self) -> usize {
        self.preview.messages
    }

    /// The message at a position, if it is near the end.
    pub(crate) fn get(&self, position: usize) -> Option<Described> {
        let Preview { messages, last } = &self.preview;
        let Shown { id, stamp, digest, name } = last.get((position + last.len()).checked_sub(*messages)?)?;
        Some(Described::new(position, *id, (*stamp, *digest), name.clone()))
    }

    /// The timeline is read.
    pub(crate) fn fill(&self, core: &SessionCore) {
        // Once, by who reads it.
        let _ = self.slots.set(core.timeline().slots());
    }

    /// The timeline, once it is read.
    pub(crate) fn slots(&self) -> Option<&Chunked<Slot>> {
        self.slots.get()
    }
}
