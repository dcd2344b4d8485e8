//! The real database on a simulated medium, which a crash leaves in any legal state.

use std::{
    io,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Decoded, Digest, Durability, Frame, MessageId};
use tempo_session::{
    Progress,
    store::{Marks, Origin, Page, Record, RedbStore, Restored, StorageBackend, Store, StoreError},
};

use super::{SimStore, store::Failing};
use crate::{
    Rng,
    disk::{Act, Witness},
};

/// What a database writes to. Cloning gives another handle to the same medium.
#[derive(Debug, Clone, Default)]
pub(crate) struct Medium {
    state: Arc<Mutex<State>>,
    life: u64,
}

#[derive(Debug, Default)]
struct State {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync, in order.
    pending: Vec<(usize, Vec<u8>)>,
    /// How often the power was lost: handles of an earlier life do nothing any more.
    life: u64,
    witness: Option<Witness>,
}

/// A store in a database on a medium, watched by the simulator.
#[derive(Debug)]
pub(crate) struct DatabaseStore {
    inner: RedbStore,
    watch: SimStore,
}

impl Medium {
    /// A handle for a process that starts now.
    pub(crate) fn open(&self) -> Self {
        Self { life: self.lock().life, ..self.clone() }
    }

    /// A medium of its own with what this one holds now.
    pub(crate) fn copied(&self) -> Self {
        let live = self.lock().live.clone();
        let state = State { durable: live.clone(), live, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    /// The power was lost: of the writes since the last sync any are kept, whole or cut short.
    pub(crate) fn crash(&self, rng: &mut Rng) {
        let mut state = self.lock();
        state.life += 1;
        for (offset, mut data) in std::mem::take(&mut state.pending) {
            match rng.below(3) {
                0 => continue,
                1 => data.truncate(rng.below(data.len() + 1)),
                _ => {}
            }
            put(&mut state.durable, offset, &data);
        }
        let State { live, durable, .. } = &mut *state;
        live.clone_from(durable);
    }

    /// A medium that holds this.
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        let state = State { live: bytes.to_vec(), durable: bytes.to_vec(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    /// What may be left of it after a loss of power: of the writes since the last sync every prefix, also with the last
    /// one cut in half, each alone, and all but each.
    pub(crate) fn states_after_power_loss(&self) -> Vec<Bytes> {
        let state = self.lock();
        let count = state.pending.len();
        let whole = |kept: &dyn Fn(usize) -> bool| state.left(|number, len| if kept(number) { len } else { 0 });
        let mut states = vec![whole(&|_| false)];
        for last in 0..count {
            states.push(state.left(|number, len| match number {
                _ if number < last => len,
                _ if number == last => len / 2,
                _ => 0,
            }));
            states.push(whole(&|number| number <= last));
            states.push(whole(&|number| number == last));
            states.push(whole(&|number| number != last));
        }
        states
    }

    pub(crate) fn set_witness(&self, witness: Option<Witness>) {
        self.lock().witness = witness;
    }

    /// The power can be lost before this.
    fn before(&self, act: Act) {
        let witness = self.lock().witness.clone();
        if let Some(witness) = witness {
            witness.look(act);
        }
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.life == self.life { Ok(state) } else { Err(io::Error::other("the power is off")) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The durable bytes with so much of each pending write, by its number and its length.
    fn left(&self, kept: impl Fn(usize, usize) -> usize) -> Bytes {
        let mut bytes = self.durable.clone();
        for (number, (offset, data)) in self.pending.iter().enumerate() {
            put(&mut bytes, *offset, data.get(..kept(number, data.len())).unwrap_or(data));
        }
        bytes.into()
    }
}

impl StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.alive()?.live.len()).unwrap_or(u64::MAX))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.alive()?;
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        let there = state.live.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(there);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.before(Act::Sync);
        let mut state = self.alive()?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        state.live.resize(len, 0);
        // A file system journals lengths; only contents are at risk.
        state.durable.resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.before(Act::Sync);
        let mut state = self.alive()?;
        for (offset, data) in std::mem::take(&mut state.pending) {
            put(&mut state.durable, offset, &data);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.before(Act::Change);
        let mut state = self.alive()?;
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        put(&mut state.live, at, data);
        state.pending.push((at, data.to_vec()));
        Ok(())
    }
}

fn put(bytes: &mut [u8], offset: usize, data: &[u8]) {
    for (place, byte) in bytes.iter_mut().skip(offset).zip(data) {
        *place = *byte;
    }
}

impl DatabaseStore {
    /// Opens the database. What it kept of commits whose outcome was unknown counts as sent from here on.
    pub(crate) fn open(medium: &Medium, author: AuthorId, watch: SimStore) -> Result<Self, StoreError> {
        let inner = RedbStore::open_on(medium.open(), Path::new("simulated"), author)?;
        let mut sent = Vec::new();
        inner.restore(0, &mut |restored| {
            if restored.origin == Origin::Sent {
                sent.push((restored.message.id, restored.digest));
            }
        })?;
        sent.sort_unstable();
        for (id, digest) in sent {
            if let Some(bytes) = inner.frame(id, digest)?
                && let Decoded::Whole(frame) = Frame::decode(&bytes)
            {
                watch.note_sent(&frame);
            }
        }
        watch.note_marks(inner.marks()?);
        Ok(Self { inner, watch })
    }
}

impl Store for DatabaseStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        self.inner.marks()
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        self.watch.room()?;
        self.inner.set_marks(marks)?;
        self.watch.note_marks(marks.clone());
        Ok(())
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        self.inner.progress(cursor)
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        self.watch.room()?;
        self.inner.set_progress(cursor, progress)
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        self.inner.restore(from, each)
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        self.inner.log_end()
    }

    fn pages(&self, each: &mut dyn FnMut(Page, &[u8]) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.inner.pages(each)
    }

    fn keep_pages(&self, pages: &[(Page, Vec<u8>)]) -> Result<(), StoreError> {
        self.watch.room()?;
        let failing = self.watch.failing();
        if failing != Some(Failing::Lost) {
            self.inner.keep_pages(pages)?;
        }
        if failing.is_some() { Err(SimStore::failure()) } else { Ok(()) }
    }

    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError> {
        self.watch.room()?;
        let failing = self.watch.take_failing(records, durability);
        if failing == Some(Failing::Lost) {
            return Err(SimStore::failure());
        }
        self.inner.commit(records, durability)?;
        for record in records.iter().filter(|record| record.origin == Origin::Sent) {
            self.watch.note_sent(&record.frame);
        }
        if failing.is_some() { Err(SimStore::failure()) } else { Ok(()) }
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.inner.frame(id, digest)
    }
}
