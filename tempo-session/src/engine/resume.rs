//! Bringing a core to what a store knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tempo_clock::AuthorId;
use tempo_message::{Digest, MessageId, Verify, planted};

use crate::{
    core::{driving::Input, session_core::SessionCore},
    engine::snapshots::{Snapshot, Snapshots},
    store::{
        contract::{Origin, Restored, Store},
        error::StoreError,
        marks::Marks,
    },
};

/// The messages that an installation looks after, with the lengths of their frames.
pub(crate) type OwnMessages = BTreeMap<(MessageId, Digest), u64>;

/// The state that a session continues from.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) core: SessionCore,
    /// The messages that the installation looks after.
    pub(crate) own: OwnMessages,
    pub(crate) snapshots: Snapshots,
}

impl Resumed {
    /// Opens from a store's snapshot, if it has a sound one, and from the log after it.
    pub(crate) fn from(
        store: &dyn Store,
        marks: &Marks,
        verify: &Arc<dyn Verify>,
        after: Option<u64>,
    ) -> Result<Self, StoreError> {
        let snapshot = store.snapshot().ok().flatten();
        let log_end = store.log_end()?;
        let snapshot = snapshot.and_then(|bytes| {
            Snapshot::read(&bytes, log_end, |bytes| {
                SessionCore::verifying(marks.author(), Arc::clone(verify)).with_snapshot(bytes)
            })
        });
        let mut resumed = match snapshot {
            Some(Snapshot { mut core, snapshots }) => {
                core.handle(Input::Restored { former: marks.former(), lives: marks.lives.clone() });
                let own = snapshots.own(&core).collect();
                Self { core, own, snapshots: snapshots.with(after) }
            }
            None => Self::nothing(marks, verify, after),
        };
        let log = resumed.snapshots.log();
        let log = log + u64::from(planted!(SnapshotSkipsOne) && log > 0);
        resumed.restore(|each| store.restore(log, each))?;
        Ok(resumed)
    }

    /// Begins with nothing: everything is still in the log.
    pub(crate) fn nothing(marks: &Marks, verify: &Arc<dyn Verify>, after: Option<u64>) -> Self {
        let mut core = SessionCore::verifying(marks.author(), Arc::clone(verify));
        core.handle(Input::Restored { former: marks.former(), lives: marks.lives.clone() });
        Self { core, own: OwnMessages::new(), snapshots: Snapshots::new(after) }
    }

    /// Takes in what `records` hands up, one by one, as
    /// [`Store::restore`](crate::store::Store::restore) does.
    pub(crate) fn restore(
        &mut self,
        records: impl Fn(&mut dyn FnMut(Restored)) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Self { core, own, snapshots } = self;
        let former: BTreeSet<AuthorId> = core.former().iter().copied().collect();
        let mut inherited = OwnMessages::new();
        let mut is_again = false;
        loop {
            let accepted = core.end();
            if is_again {
                core.begin_again();
            }
            records(&mut |Restored { message, digest, origin, frame_len }| {
                let key = (message.id, digest);
                let is_former = former.contains(&message.id.author);
                if !is_again && (is_former || Some(message.id.author) == core.author()) {
                    snapshots.note_restored(key, origin, frame_len);
                }
                if origin == Origin::Sent {
                    own.insert(key, frame_len);
                    core.handle_sent(&message, digest);
                } else {
                    if is_former {
                        inherited.insert(key, frame_len);
                    }
                    core.handle_received(&message, digest);
                }
                while core.go_on() {}
                // Messages in the store are not news.
                core.forget_events();
            })?;
            // Messages that were evicted are handed up again, as long as that makes progress.
            if !core.has_evicted() || core.end() == accepted {
                break;
            }
            is_again = true;
        }
        own.extend(inherited.into_iter().filter(|&((id, digest), _)| core.looks_after(id, digest)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tempo_message::{Durability, Ed25519, Frame, Kind};
    use uuid::Uuid;

    use super::*;
    use crate::core::Output;
    use crate::store::{
        contract::{Record, Store},
        marks::Marks,
        memory::MemoryStore,
    };

    /// Returns a store with the given ones of an author's ten messages, in the given order, and all
    /// ten frames.
    fn stored(numbers: impl Iterator<Item = usize>) -> (MemoryStore, Vec<Frame>) {
        let author = AuthorId::new(Uuid::from_u128(1));
        let contents = (0..10_u8).map(|number| (Kind::Payload, Bytes::from(vec![number])));
        let frames = SessionCore::new(Some(author)).compose(contents, 5).unwrap();
        let record = |number: usize| Record { frame: frames[number].clone(), origin: Origin::Received };
        let store = MemoryStore::new(None);
        store.commit(&numbers.map(record).collect::<Vec<_>>(), Durability::Durable).unwrap();
        (store, frames)
    }

    /// Restores a store into a core that holds at most four messages.
    fn restored(store: &MemoryStore) -> Resumed {
        let core = SessionCore::with_limit(None, 4);
        let verify: Arc<dyn Verify> = Arc::new(Ed25519);
        let mut resumed = Resumed { core, ..Resumed::nothing(&Marks::default(), &verify, None) };
        resumed.restore(|each| store.restore(0, each)).unwrap();
        resumed
    }

    /// The store may have many messages before their causes. They were evicted then, and read again
    /// from the folder.
    #[test]
    fn evicted_messages_are_taken_again() {
        let (store, frames) = stored((0..10).rev());
        let Resumed { mut core, own, .. } = restored(&store);
        assert!(own.is_empty() && core.has_evicted() && !matches!(core.poll(), Output::Event(_)));
        let slots = core.timeline().iter().filter_map(|&slot| core.id(slot));
        assert!(slots.eq(frames.iter().map(Frame::id)), "all of them, in order");
    }

    /// A core waits for a message that is nowhere, but does not look for it forever.
    #[test]
    fn messages_without_their_cause_stay_out() {
        let (store, _) = stored(1..10);
        let Resumed { core, .. } = restored(&store);
        assert_eq!((core.end(), core.held_len(), core.has_evicted()), (0, 4, true));
    }
}
