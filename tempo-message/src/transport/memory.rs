//! A transport in memory: members of one process, or tests that need a place without a disk.

use std::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    fmt, format,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
    time::{Duration, Instant},
    vec::Vec,
};

use tempo_clock::AuthorId;

use crate::{
    codec::frame::Frame,
    digest::Digest,
    head::Head,
    transport::{
        contract::{Arrival, CollectRequest, Collected, Disposition, StoredRun, Transport},
        memory_parts::{MemoryParts, Places},
        outcome::{CollectError, Durability, PublishError, Published},
        parts::Parts,
        report::{Relay, Report},
    },
};

/// The place that memory transports share. Cloning gives another handle to the same place.
#[derive(Clone, Default)]
pub struct MemoryMedium {
    shared: Arc<Shared>,
}

/// Frames by counter and digest.
type Frames = BTreeMap<(u64, Digest), Frame>;
/// Every frame, by author.
type Authors = BTreeMap<AuthorId, Frames>;

#[derive(Default)]
struct Shared {
    authors: Mutex<Authors>,
    /// The relayed frames, by author and relayer.
    relays: Mutex<BTreeMap<(AuthorId, AuthorId), Frames>>,
    heads: Mutex<BTreeMap<AuthorId, Head>>,
    parts: Places,
    waiting: Mutex<Vec<Arc<Bell>>>,
}

/// One member's view of a [`MemoryMedium`].
#[derive(Debug)]
pub struct MemoryTransport {
    medium: MemoryMedium,
    bell: Arc<Bell>,
    done: BTreeSet<Digest>,
    /// The heads that were handed up last.
    heads: BTreeMap<AuthorId, Head>,
    /// The author served last, when the budget was short.
    turn: Option<AuthorId>,
}

impl MemoryMedium {
    /// A new member.
    pub fn transport(&self) -> MemoryTransport {
        let bell = Arc::new(Bell::default());
        lock(&self.shared.waiting).push(Arc::clone(&bell));
        MemoryTransport { medium: self.clone(), bell, done: BTreeSet::new(), heads: BTreeMap::new(), turn: None }
    }

    fn authors(&self) -> MutexGuard<'_, Authors> {
        lock(&self.shared.authors)
    }

    fn relays(&self) -> MutexGuard<'_, BTreeMap<(AuthorId, AuthorId), Frames>> {
        lock(&self.shared.relays)
    }

    fn ring_all(&self) {
        lock(&self.shared.waiting).retain(|bell| {
            bell.ring();
            // A bell that only this list holds belongs to a member that is gone.
            Arc::strong_count(bell) > 1
        });
    }
}

impl Transport for MemoryTransport {
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        self.medium.authors().entry(author).or_default();
        Ok(())
    }

    fn publish(&mut self, frame: &Frame, _: Durability) -> Result<Published, PublishError> {
        let published = put(self.medium.authors().entry(frame.id().author).or_default(), frame);
        self.medium.ring_all();
        Ok(published)
    }

    fn has_relays(&self) -> bool {
        true
    }

    fn relay(&mut self, frame: &Frame, relayer: AuthorId) -> Result<Published, PublishError> {
        let published = put(self.medium.relays().entry((frame.id().author, relayer)).or_default(), frame);
        self.medium.ring_all();
        Ok(published)
    }

    fn withdraw(&mut self, author: AuthorId, relayer: AuthorId) -> Result<usize, PublishError> {
        let (authors, mut relays) = (self.medium.authors(), self.medium.relays());
        let Some(kept) = relays.get_mut(&(author, relayer)) else { return Ok(0) };
        let before = kept.len();
        kept.retain(|key, _| !authors.get(&author).is_some_and(|published| published.contains_key(key)));
        let withdrawn = before - kept.len();
        if kept.is_empty() {
            relays.remove(&(author, relayer));
        }
        Ok(withdrawn)
    }

    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError> {
        lock(&self.medium.shared.heads).insert(head.author, head.clone());
        self.medium.ring_all();
        Ok(())
    }

    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError> {
        let authors = self.medium.authors();
        let messages = authors.get(&author).into_iter().flatten();
        Ok(messages
            .map(|(&(first, _), frame)| StoredRun { first, last: first, bytes: frame.bytes().len() as u64 })
            .collect())
    }

    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError> {
        let mut collected = Collected::default();
        let mut bytes = 0;
        let heads = lock(&self.medium.shared.heads).clone();
        for head in heads.values().filter(|head| want.full || self.heads.get(&head.author) != Some(head)) {
            take(Arrival::Head(head.clone()));
        }
        self.heads = heads;
        for frame in self.wanted(want) {
            if collected.frames >= want.budget.frames || bytes >= want.budget.bytes {
                collected.more = true;
                break;
            }
            collected.frames += 1;
            bytes += frame.bytes().len();
            let (id, digest) = (frame.id(), frame.digest());
            match take(Arrival::Frame(frame)) {
                Disposition::Done => self.done.insert(digest),
                Disposition::Known | Disposition::Later => self.done.remove(&digest),
            };
            self.turn = Some(id.author);
        }
        Ok(collected)
    }

    fn wait(&mut self, timeout: Duration) {
        self.bell.wait(timeout);
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.bell))
    }

    fn parts(&mut self) -> Option<Box<dyn Parts>> {
        Some(Box::new(MemoryParts(Arc::clone(&self.medium.shared.parts))))
    }

    fn report(&self) -> Report {
        let relays = self.medium.relays();
        let relay = |&(author, relayer): &_| Relay { place: format!("{author}.{relayer}"), author, relayer };
        Report { relays: relays.keys().map(relay).collect(), ..Report::default() }
    }
}

impl MemoryTransport {
    /// Returns the wanted frames, one of each author in turn, beginning with the author after the last one served.
    fn wanted(&self, want: &CollectRequest<'_>) -> Vec<Frame> {
        let is_wanted = |frame: &Frame| {
            let id = frame.id();
            want.recheck.contains(&id)
                || !(want.known.contains(id.author, id.counter) || self.done.contains(&frame.digest()))
        };
        let (authors, relays) = (self.medium.authors(), self.medium.relays());
        let relayed = relays.iter().map(|((author, _), messages)| (author, messages));
        let mut wanted = Authors::new();
        for (&author, messages) in authors.iter().chain(relayed) {
            let of_author = messages.iter().filter(|(_, frame)| is_wanted(frame));
            wanted.entry(author).or_default().extend(of_author.map(|(&key, frame)| (key, frame.clone())));
        }
        drop((authors, relays));
        let mut rounds: Vec<(usize, bool, AuthorId, Frame)> = Vec::new();
        for (author, messages) in wanted {
            let served = self.turn.is_some_and(|turn| author <= turn);
            let of_author = messages.into_values().enumerate();
            rounds.extend(of_author.map(|(round, frame)| (round, served, author, frame)));
        }
        rounds.sort_by_key(|&(round, served, author, _)| (round, served, author));
        rounds.into_iter().map(|(.., frame)| frame).collect()
    }
}

impl fmt::Debug for MemoryMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authors = self.authors();
        f.debug_map().entries(authors.iter().map(|(author, messages)| (author, messages.len()))).finish()
    }
}

/// Adds a frame to others.
fn put(messages: &mut Frames, frame: &Frame) -> Published {
    let counter = frame.id().counter;
    let key = (counter, frame.digest());
    if messages.contains_key(&key) {
        return Published::Already;
    }
    let is_taken = messages.keys().any(|&(taken, _)| taken == counter);
    messages.insert(key, frame.clone());
    if is_taken { Published::Displaced } else { Published::New }
}

/// Rings for one waiting member; a ring before the wait is remembered.
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *lock(&self.rung) = true;
        self.changed.notify_all();
    }

    #[allow(clippy::disallowed_methods, reason = "a deadline for waiting threads; no message depends on it")]
    fn wait(&self, timeout: Duration) {
        let end = Instant::now().checked_add(timeout);
        let mut rung = lock(&self.rung);
        while !*rung {
            let left = end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            rung = self.changed.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// The values behind these locks stay sound when a holder panics: every change is a single assignment or insertion.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
