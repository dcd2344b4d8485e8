//! Fetches the parts of files from the folder to the shelf.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Seek, SeekFrom, Write},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use tempo_message::{Attachment, AttachmentId, Manifest, Part, PartRead, Parts, Presence, Receive, planted};

use crate::{
    core::carrying::Carrying,
    engine::{event::Event, shared::Shared, turn::Step},
    errors::{FetchError, ReadError, describe},
    store::{
        files::{Content, FileRecord},
        pieces::pass_part,
        room::NoRoom,
        shelf::{Shelf, Staged},
    },
};

/// The files that are fetched, and when to look for their parts again.
#[derive(Debug)]
pub(crate) struct Fetcher {
    shelf: Arc<dyn Shelf>,
    times: Carrying,
    /// The parts that are there and not fetched yet, by file.
    queue: Vec<(AttachmentId, Manifest, Part)>,
    look_at: Duration,
    /// The files that could not be fetched: the time of the next attempt, and the pause before that.
    failed: BTreeMap<AttachmentId, (Duration, Duration)>,
    /// The parts that are on the shelf for certain, because they were written in this life.
    written: BTreeMap<AttachmentId, BTreeSet<u16>>,
    /// What the messages say of the files.
    described: BTreeMap<AttachmentId, Vec<Manifest>>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Fetcher {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, times: Carrying) -> Self {
        let (failed, written, described) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { shelf, times, queue: Vec::new(), look_at: Duration::ZERO, failed, written, described }
    }

    /// Looks for missing parts with the next step.
    pub(crate) fn look_now(&mut self) {
        self.look_at = Duration::ZERO;
        self.failed.clear();
    }

    /// Fetches the next part, or looks for parts if it is time.
    pub(crate) fn step(&mut self, shared: &Shared, parts: &mut dyn Parts, now: Duration) -> Step {
        let Some((id, manifest, part)) = self.queue.pop() else {
            if now < self.look_at {
                return Step::Wait(self.look_at.saturating_sub(now));
            }
            let wanted = wanted(shared);
            self.look_at = now + if wanted.is_empty() { self.times.idle } else { self.times.look };
            for id in
                wanted.into_iter().filter(|id| self.failed.get(id).is_none_or(|(at, _)| *at <= now)).collect::<Vec<_>>()
            {
                if let Err(error) = self.look(shared, parts, id) {
                    self.fail(shared, id, &*error, now);
                }
            }
            return if self.queue.is_empty() { Step::Wait(self.look_at.saturating_sub(now)) } else { Step::Done };
        };
        match self.fetch(shared, parts, id, &manifest, &part) {
            Ok(()) => drop(self.failed.remove(&id)),
            Err(error) => self.fail(shared, id, &*error, now),
        }
        Step::Done
    }

    /// Tries a file again later, and later each time.
    fn fail(&mut self, shared: &Shared, id: AttachmentId, error: &(dyn std::error::Error + 'static), now: Duration) {
        self.queue.retain(|(other, ..)| *other != id);
        let pause = self.failed.get(&id).map_or(self.times.look, |(_, pause)| (*pause * 2).min(self.times.idle));
        self.failed.insert(id, (now + pause, pause));
        shared.lock().view_file(id, |view| view.error = Some(describe(error)));
        shared.announce();
    }

    /// Looks for the parts of one file. Several descriptions cannot all be true; the one with most parts there
    /// counts.
    fn look(&mut self, shared: &Shared, parts: &mut dyn Parts, id: AttachmentId) -> Result<(), Failure> {
        if self.described.get(&id).is_none_or(Vec::is_empty) {
            self.described.insert(id, shared.manifests(id)?);
        }
        let mut best: Option<(usize, &Manifest, Vec<Presence>)> = None;
        for manifest in self.described.get(&id).into_iter().flatten() {
            let all: Vec<Part> = manifest.parts().collect();
            let found = parts.look(None, &all)?;
            let there = found.iter().filter(|it| **it >= Presence::Elsewhere).count();
            if best.as_ref().is_none_or(|(most, ..)| *most < there) {
                best = Some((there, manifest, found));
            }
        }
        let Some((_, manifest, found)) = best else { return Ok(()) };
        let record = shared.lock().files.records.get(&id).cloned();
        let fetched = record.filter(|record| record.is_of(manifest)).map(|record| record.fetched).unwrap_or_default();
        let lacks = |part: &Part| !fetched.contains(&part.number);
        let there = manifest.parts().zip(&found).filter(|(part, found)| lacks(part) && **found >= Presence::Elsewhere);
        let there: Vec<Part> = there.map(|(part, _)| part).collect();
        let is_complete = fetched.len() == manifest.count();
        let manifest = manifest.clone();
        if is_complete {
            return self.finish(shared, id, &manifest);
        }
        self.queue.extend(there.into_iter().rev().map(|part| (id, manifest.clone(), part)));
        Ok(())
    }

    fn fetch(
        &mut self,
        shared: &Shared,
        parts: &mut dyn Parts,
        id: AttachmentId,
        manifest: &Manifest,
        part: &Part,
    ) -> Result<(), Failure> {
        let state = shared.lock();
        let (record, discards) = (state.files.records.get(&id).cloned(), state.files.discards);
        drop(state);
        let Some(record) = record.filter(|record| record.is_wanted && record.content == Content::Missing) else {
            return Ok(());
        };
        NoRoom::check(self.shelf.free(), shared.files_reserve, part.length).map_err(io::Error::from)?;
        let mut taking = Taking { staged: self.shelf.stage(&staged(id))?, at: part.offset, error: None };
        let read = parts.read(part, true, &mut taking)?;
        if let Some(error) = taking.error {
            return Err(error.into());
        }
        match read {
            PartRead::Whole => taking.staged.sync()?,
            PartRead::Damaged if planted!(PartUnverified) => taking.staged.sync()?,
            PartRead::Damaged => return Err(FetchError::Damaged { id, part: part.number }.into()),
            _ => return Ok(()),
        }
        self.written.entry(id).or_default().insert(part.number);
        let is_same = record.is_of(manifest);
        let mut count = 0;
        shared.note_file(id, |it| {
            let Some(record) = it else { return };
            if shared.lock().files.discards != discards {
                return;
            }
            if !is_same {
                let (is_own, content) = (record.is_own, record.content.clone());
                *record = FileRecord { is_own, is_wanted: true, ..FileRecord::new(manifest, content) };
            }
            record.fetched.insert(part.number);
            count = record.fetched.len();
        })?;
        shared.lock().view_file(id, |view| view.error = None);
        if count == manifest.count() { self.finish(shared, id, manifest) } else { Ok(()) }
    }

    /// Keeps a file whose parts are all noted. Parts from an earlier life are checked: a store that was restored may note
    /// parts that are not on the shelf any more.
    fn finish(&mut self, shared: &Shared, id: AttachmentId, manifest: &Manifest) -> Result<(), Failure> {
        let written = self.written.remove(&id).unwrap_or_default();
        let mut content = self.shelf.stage(&staged(id))?;
        let mut absent = Vec::new();
        for part in manifest.parts().filter(|part| !written.contains(&part.number)) {
            content.seek(SeekFrom::Start(part.offset))?;
            if !pass_part(&part, content.as_mut(), |_| Ok(()))? {
                absent.push(part.number);
            }
        }
        drop(content);
        if !absent.is_empty() {
            self.look_at = Duration::ZERO;
            self.written.insert(id, written);
            return Ok(shared.change_file(id, |record| record.fetched.retain(|number| !absent.contains(number)))?);
        }
        self.shelf.keep(&staged(id), id)?;
        self.described.remove(&id);
        shared.change_file(id, |record| record.content = Content::Kept)?;
        let mut state = shared.lock();
        state.view_file(id, |view| view.error = None);
        state.tell(Event::Fetched { id, length: manifest.length() });
        drop(state);
        shared.announce();
        Ok(())
    }
}

/// Returns the name of a file on the shelf while it is fetched.
pub(crate) fn staged(id: AttachmentId) -> String {
    format!("get-{id}")
}

fn wanted(shared: &Shared) -> Vec<AttachmentId> {
    let state = shared.lock();
    let records = state.files.records.iter();
    records.filter(|(_, it)| it.is_wanted && it.content == Content::Missing).map(|(id, _)| *id).collect()
}

impl Shared {
    /// Asks for a file.
    pub(crate) fn want_file(&self, id: AttachmentId) -> Result<(), FetchError> {
        let manifest = self.manifests(id)?.into_iter().next().ok_or(FetchError::Unknown { id })?;
        self.note_file(id, |it| {
            it.get_or_insert_with(|| FileRecord::new(&manifest, Content::Missing)).is_wanted = true;
        })?;
        self.ask_carrier();
        Ok(())
    }

    /// Returns what accepted messages say of the content of a file: usually one thing.
    pub(crate) fn manifests(&self, id: AttachmentId) -> Result<Vec<Manifest>, ReadError> {
        Ok(self.attachments(id)?.into_iter().map(|it| it.manifest).collect())
    }

    /// Returns the file as accepted messages name it, once for each description of its content.
    pub(crate) fn attachments(&self, id: AttachmentId) -> Result<Vec<Attachment>, ReadError> {
        let described = self.lock().core.descriptions(id);
        let mut attachments = Vec::new();
        for key in described {
            let named = self.frame(key)?.into_message().attachments;
            attachments.extend(named.into_iter().filter(|it| it.manifest.id() == id));
        }
        Ok(attachments)
    }
}

/// Writes a part into a staged file.
struct Taking {
    staged: Box<dyn Staged>,
    at: u64,
    error: Option<io::Error>,
}

impl Receive for Taking {
    fn begin(&mut self) {
        self.error = self.staged.seek(SeekFrom::Start(self.at)).err();
    }

    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        if self.error.is_none() {
            self.error = self.staged.write_all(bytes).err();
        }
        if self.error.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
