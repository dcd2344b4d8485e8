//! The state of the window, as every member computes it.

use std::{collections::VecDeque, sync::Arc};

use tempo_session::{Entry, replica::Reducer};

/// The most messages that the window shows at first.
pub(crate) const SHOWN: usize = 200;

/// Keeps the latest messages. A state of this size costs little to clone, however long the history is; the page asks
/// for earlier messages on demand.
pub(crate) struct Room;

/// The latest messages, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latest {
    entries: VecDeque<Arc<Entry>>,
}

impl Reducer for Room {
    type State = Latest;

    fn initial(&self) -> Latest {
        Latest::default()
    }

    fn apply(&self, latest: &mut Latest, entry: &Entry) {
        if latest.entries.len() == SHOWN {
            latest.entries.pop_front();
        }
        latest.entries.push_back(Arc::new(entry.clone()));
    }
}

impl Latest {
    /// Returns the messages from a position on.
    pub(crate) fn since(&self, position: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(Arc::as_ref).filter(move |entry| entry.position >= position)
    }
}

#[cfg(test)]
mod tests {
    use tempo_session::{AuthorId, MessageId};

    use super::*;

    #[test]
    fn only_the_latest_messages_are_kept() {
        let author = AuthorId::from_bytes([1; 16]);
        let mut latest = Room.initial();
        for position in 0..SHOWN + 3 {
            let mut entry = Entry::new(MessageId { author, counter: position as u64 + 1 }, "hello");
            entry.position = position;
            Room.apply(&mut latest, &entry);
        }
        let positions: Vec<usize> = latest.since(0).map(|entry| entry.position).collect();
        assert_eq!(positions, (3..SHOWN + 3).collect::<Vec<_>>());
        assert_eq!(latest.since(SHOWN + 1).count(), 2);
    }
}
