//! Bringing a core to what a store knows.

use std::collections::BTreeSet;

use tempo_clock::AuthorId;

use super::OwnMessages;
use crate::{
    protocol::SessionCore,
    store::{Origin, Restored, StoreError},
};

/// Takes in what `records` hands up, one by one, as [`Store::restore`](crate::store::Store::restore) does; the answer is what
/// the installation looks after.
pub(crate) fn restore(
    core: &mut SessionCore,
    records: impl Fn(&mut dyn FnMut(Restored)) -> Result<(), StoreError>,
) -> Result<OwnMessages, StoreError> {
    let former: BTreeSet<AuthorId> = core.former().iter().copied().collect();
    let (mut own, mut inherited) = (OwnMessages::new(), OwnMessages::new());
    loop {
        let accepted = core.end();
        records(&mut |Restored { message, digest, origin, frame_len }| {
            let key = (message.id, digest);
            if origin == Origin::Sent {
                own.insert(key, frame_len);
                core.handle_sent(&message, digest);
            } else {
                if former.contains(&message.id.author) {
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
    }
    if !inherited.is_empty() {
        let all: BTreeSet<_> = core.own_after(None, usize::MAX).into_iter().collect();
        own.extend(inherited.into_iter().filter(|(key, _)| all.contains(key)));
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tempo_message::{Durability, Frame, Kind};
    use uuid::Uuid;

    use super::*;
    use crate::store::{MemoryStore, Record, Store};

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

    /// Much may have been kept before what it comes after; it had to give way, and was read again from the folder.
    #[test]
    fn what_gives_way_is_taken_again() {
        let (store, frames) = stored((0..10).rev());
        let mut core = SessionCore::with_limit(None, 4);
        let own = restore(&mut core, |each| store.restore(each)).unwrap();
        assert!(own.is_empty() && core.has_evicted() && !core.has_events());
        let slots = core.timeline().iter().filter_map(|&slot| core.id(slot));
        assert!(slots.eq(frames.iter().map(Frame::id)), "all of them, in order");
    }

    /// A message that nobody has is waited for, but not for ever looked for.
    #[test]
    fn what_cannot_be_taken_stays_out() {
        let (store, _) = stored(1..10);
        let mut core = SessionCore::with_limit(None, 4);
        restore(&mut core, |each| store.restore(each)).unwrap();
        assert_eq!((core.end(), core.held_len(), core.has_evicted()), (0, 4, true));
    }
}
