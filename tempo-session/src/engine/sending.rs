//! Puts the parts of own files into the folder, and looks after them.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Durability, Manifest, Part, Parts, Presence, PutError, planted};

use crate::{
    core::{
        carrying::Carrying,
        outgoing::{Plan, Put},
    },
    engine::{shared::Shared, state::State, turn::Step},
    errors::describe,
    store::{
        files::Content,
        room::NoRoom,
        shelf::{Shelf, Stored},
    },
};

/// The parts to put, and when to look after all of them again.
#[derive(Debug)]
pub(crate) struct Sender {
    shelf: Arc<dyn Shelf>,
    times: Carrying,
    queue: VecDeque<(AttachmentId, AuthorId, Part)>,
    look_at: Duration,
    /// The time until the next attempt after an error.
    pause: Duration,
    retry_at: Duration,
}

/// An own file whose parts belong into the folder.
struct Job {
    id: AttachmentId,
    manifest: Manifest,
    puts: Vec<Put>,
}

/// The time until messages that are on their way are looked for again: they go first.
const MESSAGES_FIRST: Duration = Duration::from_millis(50);
const SHORTEST: Duration = Duration::from_secs(1);

impl Sender {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, times: Carrying) -> Self {
        let (queue, zero) = (VecDeque::new(), Duration::ZERO);
        Self { shelf, times, queue, look_at: zero, pause: SHORTEST, retry_at: zero }
    }

    /// Looks after all parts with the next step.
    pub(crate) fn look_now(&mut self) {
        self.queue.clear();
        (self.look_at, self.retry_at) = (Duration::ZERO, Duration::ZERO);
    }

    /// Puts the next part, or looks after all parts if it is time.
    pub(crate) fn step(&mut self, shared: &Shared, parts: &mut dyn Parts, now: Duration) -> Step {
        if now < self.retry_at {
            return Step::Wait(self.retry_at.saturating_sub(now));
        }
        if self.queue.is_empty() {
            if now < self.look_at {
                return Step::Wait(self.look_at.saturating_sub(now));
            }
            self.look_at = now + self.times.idle;
            // If the folder is away, the driver says so.
            if self.look(shared, parts).is_err() {
                return self.fail(now);
            }
            self.pause = SHORTEST;
        }
        if self.queue.is_empty() {
            return Step::Wait(self.times.idle);
        }
        if !shared.lock().outbox.is_empty() {
            return Step::Wait(MESSAGES_FIRST);
        }
        let Some((id, home, part)) = self.queue.pop_front() else { return Step::Done };
        match self.put(shared, parts, (id, home, part)) {
            Ok(()) => self.pause = SHORTEST,
            Err(error) => {
                let why = describe(&*error);
                shared.lock().view_file(id, |view| view.error = Some(why));
                shared.announce();
                let step = self.fail(now);
                self.queue.push_back((id, home, part));
                return step;
            }
        }
        Step::Done
    }

    fn fail(&mut self, now: Duration) -> Step {
        self.retry_at = now + self.pause;
        self.pause = (self.pause * 2).min(self.times.idle);
        self.look_at = self.look_at.min(self.retry_at);
        Step::Wait(self.retry_at.saturating_sub(now))
    }

    /// Looks at every part of every own file that belongs into the folder.
    fn look(&mut self, shared: &Shared, parts: &mut dyn Parts) -> Result<(), tempo_message::CollectError> {
        for (home, jobs) in jobs(shared) {
            let all: Vec<Part> = jobs.iter().flat_map(|job| job.manifest.parts()).collect();
            let found = parts.look(Some(home), &all)?;
            let is_deselected = shared.lock().has_put(home) && !parts.has_place(home)?;
            let mut found = found.as_slice();
            for job in jobs {
                let (its, others) = found.split_at(job.manifest.count().min(found.len()));
                found = others;
                self.plan(shared, home, job, its, is_deselected);
            }
        }
        Ok(())
    }

    fn plan(&mut self, shared: &Shared, home: AuthorId, job: Job, found: &[Presence], is_deselected: bool) {
        let Job { id, manifest, puts } = job;
        let mut noted = puts.clone();
        let plan = Plan::of(&mut noted, found, is_deselected, shared.environment.unix_ms(), self.times.stay);
        let kept = if noted == puts { Ok(()) } else { shared.change_file(id, |record| record.puts = noted) };
        shared.lock().view_file(id, |view| {
            (view.unwanted, view.is_deselected) = (plan.unwanted, plan.is_deselected);
            view.error = kept.err().map(|error| describe(&error));
        });
        let missing = plan.missing.into_iter().filter_map(|at| manifest.part(at));
        self.queue.extend(missing.map(|part| (id, home, part)));
    }

    fn put(
        &mut self,
        shared: &Shared,
        parts: &mut dyn Parts,
        (id, home, part): (AttachmentId, AuthorId, Part),
    ) -> Result<(), Box<dyn std::error::Error>> {
        let state = shared.lock();
        let is_needed = state.home_of(id) == Some(home);
        let Some(record) = state.files.records.get(&id).filter(|_| is_needed).cloned() else { return Ok(()) };
        let has_put = state.has_put(home);
        drop(state);
        if has_put && !parts.has_place(home)? {
            // It was removed since the look.
            self.look_now();
            return Ok(());
        }
        NoRoom::check(parts.free(), shared.files_reserve, part.length).map_err(io::Error::from)?;
        let put = match self.open(shared, id, &record.content, &part) {
            Ok(content) => parts.put(home, &part, &mut content.take(part.length), Durability::Durable),
            Err(error) => Err(PutError::Source(error.into())),
        };
        let path = match &record.content {
            Content::Original(path) => Some(path.clone()),
            _ => None,
        };
        match (put, path) {
            (Ok(_), _) => {
                let unix_ms = shared.environment.unix_ms();
                let at = usize::from(part.number);
                shared.change_file(id, |record| {
                    record.puts = record.puts();
                    if let Some(put) = record.puts.get_mut(at) {
                        put.note(unix_ms);
                    }
                })?;
                shared.lock().view_file(id, |view| view.error = None);
                Ok(())
            }
            (Err(PutError::Changed | PutError::Source(_)), Some(path)) => {
                self.queue.retain(|(other, ..)| *other != id);
                Ok(shared.change_file(id, |record| record.content = Content::Changed(path))?)
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    fn open(&self, shared: &Shared, id: AttachmentId, content: &Content, part: &Part) -> io::Result<Box<dyn Stored>> {
        let mut content: Box<dyn Stored> = match content {
            Content::Original(path) => shared.outside.open(path)?,
            _ => self.shelf.open(id)?,
        };
        content.seek(SeekFrom::Start(part.offset))?;
        Ok(content)
    }
}

impl State {
    /// Returns whether parts were put into an author's place and not removed from there.
    fn has_put(&self, home: AuthorId) -> bool {
        if planted!(DeselectedIsDeleted) {
            return false;
        }
        let own = self.files.records.iter().filter(|(_, record)| record.is_own && record.was_put());
        own.into_iter().any(|(id, _)| self.home_of(*id).is_none_or(|its| its == home))
    }
}

/// Returns the own files that belong into the folder, by the author in whose place.
fn jobs(shared: &Shared) -> BTreeMap<AuthorId, Vec<Job>> {
    let state = shared.lock();
    let mut jobs: BTreeMap<AuthorId, Vec<Job>> = BTreeMap::new();
    for (&id, record) in &state.files.records {
        let is_here = matches!(record.content, Content::Kept | Content::Original(_));
        let home = state.home_of(id).filter(|_| record.is_own && is_here);
        if let Some((home, manifest)) = home.zip(record.manifest(id)) {
            jobs.entry(home).or_default().push(Job { id, manifest, puts: record.puts() });
        }
    }
    jobs
}
