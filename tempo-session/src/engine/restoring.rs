//! Bringing a core to what a store knows.

use std::collections::BTreeSet;

use tempo_clock::AuthorId;

use crate::engine::{driver::OwnMessages, paging::Resumed};
use crate::store::{
    contract::{Origin, Restored},
    error::StoreError,
};

impl Resumed {
    /// Takes in what `records` hands up, one by one, as [`Store::restore`](crate::store::Store::restore) does.
    pub(crate) fn restore(
        &mut self,
        records: impl Fn(&mut dyn FnMut(Restored)) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Self { core, own, paging, .. } = self;
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
                    paging.note(key, origin, frame_len);
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
                // What the store has is no news.
                while core.poll_event().is_some() {}
            })?;
            // What has given way to others is handed up again, as long as anything comes of it.
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
    use tempo_message::{Durability, Frame, Kind};
    use uuid::Uuid;

    use super::*;
    use crate::{
        core::session_core::SessionCore,
        store::{Record, contract::Store, marks::Marks, memory::MemoryStore},
    };

    /// A store that has these of ten messages of one author, in this order; and all ten.
    fn stored(numbers: impl Iterator<Item = usize>) -> (MemoryStore, Vec<Frame>) {
        let author = AuthorId::new(Uuid::from_u128(1));
        let contents = (0..10_u8).map(|number| (Kind::Payload, Bytes::from(vec![number])));
        let frames = SessionCore::new(Some(author)).compose(contents, 5).unwrap();
        let record = |number: usize| Record { frame: frames[number].clone(), origin: Origin::Received };
        let store = MemoryStore::new(None);
        store.commit(&numbers.map(record).collect::<Vec<_>>(), Durability::Durable).unwrap();
        (store, frames)
    }

    /// What a member that holds at most so little makes of it.
    fn restored(store: &MemoryStore) -> Resumed {
        let core = SessionCore::with_limit(None, 4);
        let mut resumed = Resumed { core, ..Resumed::nothing(&Marks::default(), None) };
        resumed.restore(|each| store.restore(0, each)).unwrap();
        resumed
    }

    /// Much may have been kept before what it comes after; it had to give way, and was read again from the folder.
    #[test]
    fn what_gives_way_is_taken_again() {
        let (store, frames) = stored((0..10).rev());
        let Resumed { core, own, .. } = restored(&store);
        assert!(own.is_empty() && core.has_evicted() && !core.has_events());
        let slots = core.timeline().iter().filter_map(|&slot| core.id(slot));
        assert!(slots.eq(frames.iter().map(Frame::id)), "all of them, in order");
    }

    /// A message that nobody has is waited for, but not for ever looked for.
    #[test]
    fn what_cannot_be_taken_stays_out() {
        let (store, _) = stored(1..10);
        let Resumed { core, .. } = restored(&store);
        assert_eq!((core.end(), core.held_len(), core.has_evicted()), (0, 4, true));
    }
}
