//! Parts of files in real folders: odd copies of them, odd places for them, and what is beside them.

mod finding;
mod place;
mod putting;

use std::{fs, ops::ControlFlow, path::PathBuf};

use tempo_message::{
    AuthorId, Durability, Manifest, ManifestHasher, Part, PartRead, Parts, Presence, Published, PutError, Receive,
    Transport, conformance::Script,
};

use crate::support::Session;

/// A file of two parts of 64 KiB and a short one.
struct File {
    content: Vec<u8>,
    manifest: Manifest,
}

impl File {
    fn new(seed: u8) -> Self {
        let content: Vec<u8> =
            (0..140_000_u32).map(|at| seed ^ (at / 251).to_le_bytes()[0] ^ at.to_le_bytes()[0]).collect();
        let mut hasher = ManifestHasher::new(16);
        hasher.update(&content).unwrap();
        Self { content, manifest: hasher.finish().unwrap() }
    }

    fn part(&self, number: usize) -> Part {
        self.manifest.part(number).unwrap()
    }

    fn bytes(&self, number: usize) -> &[u8] {
        let part = self.part(number);
        &self.content[part.offset as usize..][..part.length as usize]
    }

    fn put(&self, to: &mut dyn Parts, number: usize) -> Result<Published, PutError> {
        to.put(ana(), &self.part(number), &mut self.bytes(number), Durability::Durable)
    }
}

fn ana() -> AuthorId {
    Script::new(1).author()
}

fn ben() -> AuthorId {
    Script::new(2).author()
}

fn parts(session: &Session) -> Box<dyn Parts> {
    session.writer().parts().unwrap()
}

/// Returns a directory of parts, which is made.
fn files(session: &Session, dir: impl ToString) -> PathBuf {
    let files = session.path(dir.to_string()).join("files");
    fs::create_dir_all(&files).unwrap();
    files
}

#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    begun: usize,
}

impl Receive for Taken {
    fn begin(&mut self) {
        self.bytes.clear();
        self.begun += 1;
    }

    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        assert!(bytes.len() <= 1 << 20, "a piece of {}", bytes.len());
        self.bytes.extend_from_slice(bytes);
        ControlFlow::Continue(())
    }
}

fn read(from: &mut dyn Parts, part: &Part) -> (PartRead, Taken) {
    let mut taken = Taken::default();
    (from.read(part, false, &mut taken).unwrap(), taken)
}

fn look(at: &mut dyn Parts, part: Part) -> Presence {
    at.look(None, &[part]).unwrap()[0]
}
