//! A long sorted list with fast insertion anywhere.

use std::{mem, sync::Arc};

/// A sorted list in chunks, so that an insertion moves few entries.
///
/// The list does not know its sort order. Every query passes a closure that tells which entries come before a
/// place. A clone shares the chunks until they change.
#[derive(Debug, Clone)]
pub(crate) struct Chunked<T> {
    /// All chunks but the last one. None is empty, and none holds more than [`MOST`](Self::MOST) entries.
    chunks: Vec<Arc<Vec<T>>>,
    /// The last chunk, which receives most insertions and is not shared. It is empty only while the list is
    /// empty.
    tail: Vec<T>,
    /// The position of the first entry of each chunk. For chunks after the recent one, without `moved`.
    starts: Vec<usize>,
    /// The offset to add to the starts after the recent chunk, so that a run of insertions into one chunk
    /// leaves them unchanged.
    moved: usize,
    /// The place after the latest insertion that was not at the end. Late messages seldom come alone.
    recent: Place,
}

/// A chunk, and an index in it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    chunk: usize,
    at: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), tail: Vec::new(), starts: Vec::new(), moved: 0, recent: Place::default() }
    }
}

impl<T: Clone> Chunked<T> {
    /// The most entries in a chunk, few enough that moving half of them costs less than finding the place.
    const MOST: usize = 512;

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.start(self.chunks.len()) + self.tail.len()
    }

    /// Returns the entry at a position.
    pub(crate) fn get(&self, position: usize) -> Option<&T> {
        let (exact, moved) = self.starts.split_at_checked(self.recent.chunk + 1)?;
        let begun = exact.partition_point(|&start| start <= position)
            + moved.partition_point(|&start| start + self.moved <= position);
        let chunk = begun.checked_sub(1)?;
        self.chunk(chunk)?.get(position - self.start(chunk))
    }

    /// Returns the last entry.
    pub(crate) fn last(&self) -> Option<&T> {
        self.tail.last()
    }

    /// Returns all entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).chain(&self.tail)
    }

    /// Returns the number of entries before a place.
    pub(crate) fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let Place { chunk, at } = self.place(is_before);
        self.start(chunk) + at
    }

    /// Appends an entry and returns its position.
    pub(crate) fn push(&mut self, entry: T) -> usize {
        let position = self.len();
        if self.tail.len() == Self::MOST {
            self.chunks.push(Arc::new(mem::take(&mut self.tail)));
        }
        if self.tail.is_empty() {
            self.starts.push(position - self.moved);
        }
        self.tail.push(entry);
        position
    }

    /// Inserts an entry after all entries that come before it and returns its position.
    pub(crate) fn insert(&mut self, entry: T, is_before: impl Fn(&T) -> bool) -> usize {
        if self.last().is_none_or(&is_before) {
            return self.push(entry);
        }
        let mut place = self.place(is_before);
        if place.at == Self::MOST {
            // A next chunk exists, or `push` would have taken the entry.
            place = Place { chunk: place.chunk + 1, at: 0 };
        }
        if place.chunk != self.recent.chunk {
            self.move_starts();
        }
        if self.chunk(place.chunk).is_some_and(|chunk| chunk.len() == Self::MOST) {
            self.move_starts();
            place = self.split(place);
        }
        let chunk = self.chunks.get_mut(place.chunk).map_or(&mut self.tail, Arc::make_mut);
        chunk.insert(place.at, entry);
        self.moved += 1;
        self.recent = Place { at: place.at + 1, ..place };
        self.start(place.chunk) + place.at
    }

    /// Splits a full chunk in two and returns the new location of a place in it.
    ///
    /// The last chunk is cut at the place itself if possible, so that the first part stays nearly full: few
    /// later insertions land before an entry near the end.
    fn split(&mut self, Place { chunk, at }: Place) -> Place {
        const { assert!(Self::MOST >= 2, "no chunk is empty") };
        let half = Self::MOST / 2;
        let mut rest = Vec::with_capacity(Self::MOST);
        let cut = if let Some(full) = self.chunks.get_mut(chunk) {
            rest.extend(Arc::make_mut(full).drain(half..));
            self.chunks.insert(chunk + 1, Arc::new(rest));
            half
        } else {
            let cut = at.max(half);
            rest.extend(self.tail.drain(cut..));
            self.chunks.push(Arc::new(mem::replace(&mut self.tail, rest)));
            cut
        };
        self.starts.insert(chunk + 1, self.start(chunk) + cut);
        if at > cut { Place { chunk: chunk + 1, at: at - cut } } else { Place { chunk, at } }
    }

    fn chunk(&self, at: usize) -> Option<&Vec<T>> {
        let tail = (at == self.chunks.len()).then_some(&self.tail);
        self.chunks.get(at).map(Arc::as_ref).or(tail)
    }

    /// Returns the position of the first entry of a chunk, or zero if the chunk does not exist.
    fn start(&self, chunk: usize) -> usize {
        let moved = if chunk > self.recent.chunk { self.moved } else { 0 };
        self.starts.get(chunk).map_or(0, |start| start + moved)
    }

    /// Makes every start exact.
    fn move_starts(&mut self) {
        for start in self.starts.get_mut(self.recent.chunk + 1..).unwrap_or_default() {
            *start += self.moved;
        }
        self.moved = 0;
    }

    fn place(&self, is_before: impl Fn(&T) -> bool) -> Place {
        let begins_before = |chunk: &Vec<T>| chunk.first().is_some_and(&is_before);
        let Place { chunk, at } = self.recent;
        if let Some(entries) = self.chunk(chunk).filter(|entries| begins_before(entries))
            && !self.chunk(chunk + 1).is_some_and(begins_before)
        {
            return Place { chunk, at: partition_point_near(entries, at, is_before) };
        }
        let begun = self.chunks.partition_point(|chunk| begins_before(chunk));
        let is_in_tail = begun == self.chunks.len() && begins_before(&self.tail);
        let chunk = if is_in_tail { begun } else { begun.saturating_sub(1) };
        let at = self.chunk(chunk).map_or(0, |entries| entries.partition_point(is_before));
        Place { chunk, at }
    }
}

/// Returns the number of entries before a place. The search moves outward from a guess in doubling steps.
fn partition_point_near<T>(entries: &[T], guess: usize, is_before: impl Fn(&T) -> bool) -> usize {
    let (mut low, mut high, mut step) = (0, entries.len(), 1);
    if entries.get(guess).is_some_and(&is_before) {
        low = guess + 1;
        while let Some(entry) = entries.get(low + step - 1) {
            if !is_before(entry) {
                high = low + step - 1;
                break;
            }
            low += step;
            step *= 2;
        }
    } else {
        high = high.min(guess);
        while let Some(at) = high.checked_sub(step) {
            if entries.get(at).is_some_and(&is_before) {
                low = at + 1;
                break;
            }
            high = at;
            step *= 2;
        }
    }
    low + entries.get(low..high).unwrap_or_default().partition_point(is_before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A list beside the plain list that it must equal.
    #[derive(Default)]
    struct Both {
        list: Chunked<(i32, usize)>,
        plain: Vec<(i32, usize)>,
    }

    impl Both {
        /// Inserts a value before equal ones. Equal values are still distinct entries.
        fn insert(&mut self, value: i32) {
            let entry = (value, self.plain.len());
            let expected = self.plain.partition_point(|&(other, _)| other < value);
            self.plain.insert(expected, entry);
            assert_eq!(self.list.insert(entry, |&(other, _)| other < value), expected);
            assert_eq!((self.list.len(), self.list.last()), (self.plain.len(), self.plain.last()));
            for position in [0, expected.saturating_sub(1), expected, expected + 1, self.plain.len() - 1] {
                assert_eq!(self.list.get(position), self.plain.get(position), "at {position}");
            }
        }

        fn check(&self) {
            assert!(self.list.iter().eq(&self.plain));
            for position in 0..=self.plain.len() {
                assert_eq!(self.list.get(position), self.plain.get(position), "at {position}");
            }
            for value in (-200..4200).step_by(50) {
                let is_before = |&(other, _): &(i32, usize)| other < value;
                assert_eq!(self.list.partition_point(is_before), self.plain.partition_point(is_before), "of {value}");
            }
            let sizes = sizes_of(&self.list);
            assert!(
                sizes.clone().all(|size| (1..=Chunked::<i32>::MOST).contains(&size)),
                "{:?}",
                sizes.collect::<Vec<_>>()
            );
        }
    }

    fn sizes_of<T>(list: &Chunked<T>) -> impl Iterator<Item = usize> + Clone {
        list.chunks.iter().map(|chunk| chunk.len()).chain(Some(list.tail.len()).filter(|&len| len > 0))
    }

    /// A run of values: the first, their number, and their distance.
    fn run() -> impl Strategy<Value = (i32, i32, i32)> {
        (0..4000, prop_oneof![3 => 1..4, 1 => 1..900], -2..=3)
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_plain_list(runs in prop::collection::vec(run(), 1..24)) {
            let mut both = Both::default();
            for (first, count, apart) in runs {
                for number in 0..count {
                    both.insert(first + number * apart);
                }
                both.check();
            }
        }

        #[test]
        fn any_guess_finds_the_place(len in 0_usize..70, place in 0_usize..70, guess in 0_usize..80) {
            let entries: Vec<usize> = (0..len).collect();
            prop_assert_eq!(partition_point_near(&entries, guess, |&entry| entry < place), place.min(len));
        }
    }

    #[test]
    fn a_clone_stays_as_it_is() {
        let mut both = Both::default();
        (0..3000).for_each(|value| both.insert(value));
        let (then, plain) = (both.list.clone(), both.plain.clone());
        (0..3000).step_by(7).for_each(|value| both.insert(value));
        both.insert(3000);
        assert!(then.iter().eq(&plain));
        both.check();
    }

    #[test]
    fn an_empty_list_has_no_entries() {
        let list = Chunked::<u8>::default();
        assert_eq!((list.len(), list.get(0), list.last(), list.iter().next()), (0, None, None, None));
        assert_eq!(list.partition_point(|_| true), 0);
    }

    #[test]
    fn entries_in_order_fill_chunks_and_late_entries_split_them() {
        let mut both = Both::default();
        let most = i32::try_from(Chunked::<i32>::MOST).unwrap();
        (0..4 * most).for_each(|value| both.insert(value));
        let sizes = |both: &Both| sizes_of(&both.list).collect::<Vec<_>>();
        assert_eq!(sizes(&both), [512; 4]);
        both.insert(most + 10);
        assert_eq!(sizes(&both), [512, 257, 256, 512, 512]);
        // At the end, while the starts of later chunks lag; then elsewhere.
        both.insert(4 * most);
        assert_eq!(both.list.moved, 1);
        both.insert(3 * most - 10);
        both.insert(0);
        both.insert(-1);
        both.check();
    }

    #[test]
    fn nearly_ordered_entries_fill_chunks_as_well() {
        let mut both = Both::default();
        let most = i32::try_from(Chunked::<i32>::MOST).unwrap();
        for value in 0..4 * most {
            // The second of two comes first.
            both.insert(value ^ 1);
        }
        both.check();
        assert!(sizes_of(&both.list).eq([512; 4]));
    }
}
