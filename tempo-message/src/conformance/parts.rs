//! The conformance suite of [`Parts`](crate::Parts): one test per clause of its contract.

use std::{
    boxed::Box,
    io::{self, Cursor, Read},
    ops::ControlFlow,
    vec::Vec,
};

use tempo_clock::Seen;

use super::script::{Arena, Script, gather};
use crate::{
    attachment::{hasher::ManifestHasher, manifest::Manifest, part::Part},
    transport::{
        contract::{Disposition, Transport},
        outcome::{Durability, Published},
        parts::{PartRead, Parts, Presence, PutError, Receive, StoredPart},
    },
};

/// A file of three parts, the last one short.
struct File {
    content: Vec<u8>,
    manifest: Manifest,
}

impl File {
    fn new(seed: u8) -> Self {
        let content: Vec<u8> =
            (0..5000_u16).map(|at| seed.wrapping_add(at.to_le_bytes()[0] ^ at.to_le_bytes()[1])).collect();
        let mut hasher = ManifestHasher::new(11);
        hasher.update(&content).expect("the file is not too large");
        Self { content, manifest: hasher.finish().expect("the file is not empty") }
    }

    fn parts(&self) -> Vec<Part> {
        self.manifest.parts().collect()
    }

    fn bytes(&self, part: &Part) -> &[u8] {
        let at = usize::try_from(part.offset).expect("the file is small");
        &self.content[at..at + usize::try_from(part.length).expect("the file is small")]
    }

    fn put(&self, to: &mut dyn Parts, author: u8, number: usize) -> Published {
        let part = self.parts()[number];
        to.put(Script::new(author).author(), &part, &mut self.bytes(&part), Durability::Durable).expect("it is put")
    }
}

/// Takes bytes until it has enough.
#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    most: Option<usize>,
}

impl Receive for Taken {
    fn begin(&mut self) {
        self.bytes.clear();
    }

    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.bytes.extend_from_slice(bytes);
        if self.most.is_some_and(|most| self.bytes.len() >= most) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn read(from: &mut dyn Parts, part: &Part) -> (PartRead, Vec<u8>) {
    let mut taken = Taken::default();
    (from.read(part, true, &mut taken).expect("the place can be read"), taken.bytes)
}

fn parts_of(transport: &mut impl Transport) -> Box<dyn Parts> {
    transport.parts().expect("this transport carries parts")
}

/// Clause 1.
pub fn p01_carries_parts_to_every_member(arena: &impl Arena) {
    let (mut ana, mut ben, file) = (arena.member(), arena.member(), File::new(1));
    let (mut anas, mut bens) = (parts_of(&mut ana), parts_of(&mut ben));
    for number in [1, 0, 2] {
        assert_eq!(file.put(anas.as_mut(), 1, number), Published::New);
    }
    for part in file.parts() {
        assert_eq!(read(bens.as_mut(), &part), (PartRead::Whole, file.bytes(&part).to_vec()));
    }
}

/// Clause 2.
pub fn p02_other_bytes_are_never_put(arena: &impl Arena) {
    let (mut ana, file) = (arena.member(), File::new(1));
    let mut parts = parts_of(&mut ana);
    let (author, part) = (Script::new(1).author(), file.parts()[0]);
    let right = file.bytes(&part);
    let mut changed = right.to_vec();
    changed[7] ^= 1;
    for wrong in [&changed[..], &right[1..], &[right, &[0]].concat(), &[]] {
        let put = parts.put(author, &part, &mut &*wrong, Durability::Lazy);
        assert!(matches!(put, Err(PutError::Changed)), "{put:?}");
    }
    assert_eq!(parts.look(None, &[part]).expect("it can be looked at"), [Presence::Missing]);
}

/// Clause 3.
pub fn p03_putting_again_changes_nothing(arena: &impl Arena) {
    let (mut ana, file) = (arena.member(), File::new(1));
    let mut parts = parts_of(&mut ana);
    assert_eq!(file.put(parts.as_mut(), 1, 0), Published::New);
    assert_eq!(file.put(parts.as_mut(), 1, 0), Published::Already);
    assert_eq!(read(parts.as_mut(), &file.parts()[0]).0, PartRead::Whole);
}

/// Clause 4.
pub fn p04_looks_without_reading(arena: &impl Arena) {
    let (mut ana, file, other) = (arena.member(), File::new(1), File::new(2));
    let mut parts = parts_of(&mut ana);
    file.put(parts.as_mut(), 1, 2);
    let asked = [file.parts(), other.parts()].concat();
    let found = parts.look(None, &asked).expect("it can be looked at");
    let expected: Vec<Presence> = (0..6).map(|at| if at == 2 { Presence::Here } else { Presence::Missing }).collect();
    assert_eq!(found, expected);
}

/// Clause 5.
pub fn p05_any_authors_part_is_read(arena: &impl Arena) {
    let (mut ana, mut ben, file) = (arena.member(), arena.member(), File::new(1));
    let (mut anas, mut bens) = (parts_of(&mut ana), parts_of(&mut ben));
    file.put(bens.as_mut(), 2, 1);
    let part = file.parts()[1];
    assert_eq!(read(anas.as_mut(), &part).0, PartRead::Whole);
    let within = |author| Some(Script::new(author).author());
    assert_eq!(anas.look(within(2), &[part]).expect("it can be looked at"), [Presence::Here]);
    assert_eq!(anas.look(within(1), &[part]).expect("it can be looked at"), [Presence::Missing]);
}

/// Clause 6.
pub fn p06_an_author_removes_only_its_own(arena: &impl Arena) {
    let (mut ana, mut ben, file) = (arena.member(), arena.member(), File::new(1));
    let (mut anas, mut bens) = (parts_of(&mut ana), parts_of(&mut ben));
    for number in [0, 1] {
        file.put(anas.as_mut(), 1, number);
        file.put(bens.as_mut(), 2, number);
    }
    let (author, part) = (Script::new(1).author(), file.parts()[0]);
    assert!(anas.remove(author, &part).expect("it can be removed"));
    assert!(!anas.remove(author, &part).expect("it can be removed"));
    let mut left = |author| anas.look(Some(Script::new(author).author()), &file.parts()[..2]).expect("it is there");
    assert_eq!(left(1), [Presence::Missing, Presence::Here]);
    assert_eq!(left(2), [Presence::Here, Presence::Here]);
    assert_eq!(read(anas.as_mut(), &part).0, PartRead::Whole, "from the other author");
}

/// Clause 7.
pub fn p07_a_reader_ends_the_reading(arena: &impl Arena) {
    let (mut ana, file) = (arena.member(), File::new(1));
    let mut parts = parts_of(&mut ana);
    file.put(parts.as_mut(), 1, 0);
    let mut taken = Taken { most: Some(1), ..Taken::default() };
    let outcome = parts.read(&file.parts()[0], true, &mut taken).expect("the place can be read");
    assert_eq!(outcome, PartRead::Stopped);
}

/// Clause 8.
pub fn p08_a_source_that_fails_leaves_nothing(arena: &impl Arena) {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let (mut ana, file) = (arena.member(), File::new(1));
    let mut parts = parts_of(&mut ana);
    let (author, part) = (Script::new(1).author(), file.parts()[0]);
    let mut begun = Cursor::new(&file.bytes(&part)[..100]).chain(Failing);
    let put = parts.put(author, &part, &mut begun, Durability::Durable);
    assert!(matches!(put, Err(PutError::Source(_))), "{put:?}");
    assert_eq!(parts.look(None, &[part]).expect("it can be looked at"), [Presence::Missing]);
    assert_eq!(read(parts.as_mut(), &part).0, PartRead::Missing);
}

/// Clause 9.
pub fn p09_parts_disturb_no_messages(arena: &impl Arena) {
    let (mut ana, mut ben, file) = (arena.member(), arena.member(), File::new(1));
    let mut script = Script::new(1);
    let frames = script.run(2);
    ana.publish(&frames[0], Durability::Durable).expect("it is published");
    let mut parts = parts_of(&mut ana);
    for number in 0..3 {
        file.put(parts.as_mut(), 1, number);
    }
    ana.publish(&frames[1], Durability::Durable).expect("it is published");
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Known), frames);
    let report = ben.report();
    assert!(report.foreign.is_empty() && report.pending.is_empty(), "{report:?}");
    assert_eq!(ben.inventory(script.author()).expect("it can be listed").len(), 2);
}

/// Clause 10.
pub fn p10_the_inventory_of_parts_is_exact(arena: &impl Arena) {
    let (mut ana, file) = (arena.member(), File::new(1));
    let mut parts = parts_of(&mut ana);
    let author = Script::new(1).author();
    assert_eq!(parts.stored(author).expect("it can be listed"), None);
    assert!(!parts.has_place(author).expect("it can be looked for"));
    file.put(parts.as_mut(), 1, 2);
    file.put(parts.as_mut(), 1, 0);
    let stored = parts.stored(author).expect("it can be listed").expect("there is a place");
    assert!(parts.has_place(author).expect("it can be looked for"));
    let each: Vec<(Option<u16>, u64)> = stored.iter().map(|it| (it.number, it.bytes)).collect();
    assert_eq!(each, [(Some(0), 2048), (Some(2), 904)]);
    assert!(stored.iter().all(|it| file.parts().iter().any(|part| it.is(part))));
    let other: Vec<StoredPart> = parts.stored(Script::new(2).author()).expect("it can be listed").unwrap_or_default();
    assert_eq!(other, []);
}
