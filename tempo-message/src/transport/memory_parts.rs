//! Parts of files in memory.

use std::{
    collections::BTreeMap,
    io::Read,
    ops::ControlFlow,
    string::String,
    sync::{Arc, Mutex},
    vec,
    vec::Vec,
};

use bytes::Bytes;
use tempo_clock::AuthorId;

use crate::{
    attachment::part::Part,
    transport::{
        memory::lock,
        outcome::{CollectError, Durability, PublishError, Published},
        parts::{PartRead, Parts, Presence, PutError, Receive, StoredPart},
    },
};

/// The parts of each author, by name.
pub(crate) type Places = Arc<Mutex<BTreeMap<AuthorId, BTreeMap<String, (StoredPart, Bytes)>>>>;

/// One member's view of the parts of a [`MemoryMedium`](crate::MemoryMedium).
#[derive(Debug)]
pub(crate) struct MemoryParts(pub(crate) Places);

impl Parts for MemoryParts {
    fn put(
        &mut self,
        author: AuthorId,
        part: &Part,
        from: &mut dyn Read,
        _: Durability,
    ) -> Result<Published, PutError> {
        if lock(&self.0).get(&author).is_some_and(|place| place.contains_key(&part.name())) {
            return Ok(Published::Already);
        }
        let (mut bytes, mut piece, mut check) = (Vec::new(), vec![0; 64 * 1024], part.check());
        loop {
            let read = from.read(&mut piece).map_err(|error| PutError::Source(error.into()))?;
            let Some(now) = piece.get(..read).filter(|now| !now.is_empty()) else { break };
            if !check.update(now) {
                return Err(PutError::Changed);
            }
            bytes.extend_from_slice(now);
        }
        if !check.holds() {
            return Err(PutError::Changed);
        }
        let number = (part.count > 1).then_some(part.number);
        let attachment = part.attachment.prefix();
        let stored = StoredPart { attachment, number, bytes: part.length };
        lock(&self.0).entry(author).or_default().insert(part.name(), (stored, bytes.into()));
        Ok(Published::New)
    }

    fn look(&mut self, within: Option<AuthorId>, parts: &[Part]) -> Result<Vec<Presence>, CollectError> {
        let places = lock(&self.0);
        let is_here = |part: &Part| {
            let mut within = places.iter().filter(|(author, _)| within.is_none_or(|only| only == **author));
            within.any(|(_, place)| place.contains_key(&part.name()))
        };
        Ok(parts.iter().map(|part| if is_here(part) { Presence::Here } else { Presence::Missing }).collect())
    }

    fn read(&mut self, part: &Part, _: bool, to: &mut dyn Receive) -> Result<PartRead, CollectError> {
        let found = lock(&self.0).values().find_map(|place| place.get(&part.name()).cloned());
        let Some((_, bytes)) = found else { return Ok(PartRead::Missing) };
        to.begin();
        let mut check = part.check();
        for piece in bytes.chunks(64 * 1024) {
            if !check.update(piece) {
                return Ok(PartRead::Damaged);
            }
            if to.take(piece) == ControlFlow::Break(()) {
                return Ok(PartRead::Stopped);
            }
        }
        Ok(if check.holds() { PartRead::Whole } else { PartRead::Damaged })
    }

    fn remove(&mut self, author: AuthorId, part: &Part) -> Result<bool, PublishError> {
        Ok(lock(&self.0).get_mut(&author).and_then(|place| place.remove(&part.name())).is_some())
    }

    fn stored(&mut self, author: AuthorId) -> Result<Option<Vec<StoredPart>>, CollectError> {
        let places = lock(&self.0);
        Ok(places.get(&author).map(|place| {
            let mut stored: Vec<StoredPart> = place.values().map(|(stored, _)| *stored).collect();
            stored.sort_unstable();
            stored
        }))
    }
}
