//! Memory for the content of files, and for what is made of it.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use memmap2::{MmapMut, MmapOptions};
use tempo_message::Decoded;

/// Where what is large lies between one file and the next, as long as there are more.
///
/// The memory for a pack is the system's own and goes back to it: an allocator keeps what large pieces of many sizes leave.
/// But to be given memory costs more than to read a file into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    is_open: bool,
    maps: Vec<MmapMut>,
    rooms: Vec<VecDeque<Decoded>>,
}

/// So many bytes, whatever is in them.
#[derive(Debug)]
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Large(Large),
}

#[derive(Debug)]
pub(crate) struct Large {
    /// There until it is dropped.
    map: Option<MmapMut>,
    len: usize,
    home: Buffers,
}

/// Room for what was decoded and not taken yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Room {
    decoded: VecDeque<Decoded>,
    home: Buffers,
}

/// From so many bytes on it is large.
const LARGE: usize = 128 * 1024;
/// Large ones have a multiple of this, so that one does for most others.
const STEP: usize = 256 * 1024;
/// So many bytes lie ready at most.
const KEPT: usize = 8 * 1024 * 1024;
/// So many rooms, each of this many places at least.
const ROOMS: usize = 8;
const ROOMY: usize = 512;

impl Buffers {
    /// Whatever comes back from here on is kept for the next one.
    pub(crate) fn open(&self) {
        self.lock().is_open = true;
    }

    /// Nothing is kept any more.
    pub(crate) fn close(&self) {
        *self.lock() = Shelf::default();
    }

    pub(crate) fn buffer(&self, len: usize) -> Buffer {
        let map = if len < LARGE { None } else { self.take(len) };
        match map {
            None => Buffer::Small(vec![0; len]),
            map => Buffer::Large(Large { map, len, home: self.clone() }),
        }
    }

    /// An empty room.
    pub(crate) fn room(&self) -> Room {
        Room { decoded: VecDeque::new(), home: self.clone() }
    }

    fn take(&self, len: usize) -> Option<MmapMut> {
        let mut home = self.lock();
        let kept = home.maps.iter().position(|map| map.len() >= len).map(|at| home.maps.swap_remove(at));
        drop(home);
        kept.or_else(|| MmapOptions::new().len(len.next_multiple_of(STEP)).populate().map_anon().ok())
    }

    fn give_back(&self, map: MmapMut) {
        let mut home = self.lock();
        let kept: usize = home.maps.iter().map(|map| map.len()).sum();
        if home.is_open && kept + map.len() <= KEPT {
            home.maps.push(map);
        }
    }

    fn give_room_back(&self, mut room: VecDeque<Decoded>) {
        if room.capacity() < ROOMY {
            return;
        }
        room.clear();
        let mut home = self.lock();
        if home.is_open && home.rooms.len() < ROOMS {
            home.rooms.push(room);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// The first so many bytes.
    pub(crate) fn into_bytes(self, len: usize) -> Bytes {
        let mut bytes = match self {
            Self::Small(bytes) => Bytes::from(bytes),
            Self::Large(large) => Bytes::from_owner(large),
        };
        bytes.truncate(len);
        bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(large) => large.map.as_deref_mut().and_then(|map| map.get_mut(..large.len)).unwrap_or_default(),
        }
    }
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        self.map.as_deref().and_then(|map| map.get(..self.len)).unwrap_or_default()
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        if let Some(map) = self.map.take() {
            self.home.give_back(map);
        }
    }
}

impl Room {
    /// Makes sure that so many more have room.
    pub(crate) fn reserve(&mut self, places: usize) {
        if places >= ROOMY
            && let Some(mut kept) = self.home.lock().rooms.pop()
        {
            kept.append(&mut self.decoded);
            self.decoded = kept;
        }
        self.decoded.reserve(places);
    }

    /// Puts some more at the end.
    pub(crate) fn fill(&mut self, decoded: impl IntoIterator<Item = Decoded>) {
        self.decoded.extend(decoded);
    }

    pub(crate) fn first(&self) -> Option<&Decoded> {
        self.decoded.front()
    }

    /// Takes the first one out.
    pub(crate) fn take(&mut self) -> Option<Decoded> {
        self.decoded.pop_front()
    }

    /// So much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.decoded.len() * size_of::<Decoded>()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.home.give_room_back(mem::take(&mut self.decoded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_whatever_the_size() {
        let buffers = Buffers::default();
        buffers.open();
        for _ in 0..2 {
            for len in [0, 1, LARGE - 1, LARGE, LARGE + 1] {
                let mut buffer = buffers.buffer(len + 1);
                assert_eq!(buffer.as_mut().len(), len + 1);
                buffer.as_mut().fill(7);
                let bytes = buffer.into_bytes(len);
                assert!(bytes.len() == len && bytes.iter().all(|byte| *byte == 7));
            }
        }
    }

    #[test]
    fn large_ones_are_used_again_until_nothing_more_is_read() {
        let buffers = Buffers::default();
        let kept = || buffers.lock().maps.len();
        drop(buffers.buffer(LARGE));
        assert_eq!(kept(), 0, "nobody has said that more is coming");
        buffers.open();
        let [first, second] = [LARGE, 2 * LARGE].map(|len| buffers.buffer(len).into_bytes(len));
        let part = first.slice(10..20);
        drop(first);
        assert_eq!(kept(), 0, "a part of it is in use");
        drop((part, second));
        assert_eq!(kept(), 2);
        let again = buffers.buffer(LARGE);
        assert_eq!(kept(), 1);
        drop(buffers.buffer(KEPT));
        assert_eq!(kept(), 1, "too much to lie around");
        buffers.close();
        drop(again);
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_large_room_is_used_again_and_small_ones_are_not_kept() {
        let frame = |number: u8| Decoded::Incomplete { missing: number.into() };
        let buffers = Buffers::default();
        let kept = || buffers.lock().rooms.iter().map(VecDeque::len).collect::<Vec<_>>();
        let used = |places: usize| {
            let mut room = buffers.room();
            room.fill([frame(1)]);
            room.reserve(places);
            room.fill([frame(2), frame(3)]);
            assert_eq!(room.take(), Some(frame(1)));
            assert_eq!((room.first(), room.weight()), (Some(&frame(2)), 2 * size_of::<Decoded>()));
        };
        used(ROOMY);
        assert!(kept().is_empty(), "nobody has said that more is coming");
        buffers.open();
        for places in [1, ROOMY, ROOMY / 2, ROOMY + 1] {
            used(places);
        }
        assert_eq!(kept(), [0], "one, and it is empty");
        buffers.close();
        assert!(kept().is_empty());
    }
}
