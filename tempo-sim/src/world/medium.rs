//! The medium of a real database: bytes that a crash leaves in any legal state.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tempo_session::store;

use crate::{
    Rng,
    disk::{Act, Witness},
};

/// A database's medium. Cloning returns another handle to this medium.
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
    /// The number of power losses. Handles from an earlier life no longer do anything.
    life: u64,
    witness: Option<Witness>,
}

impl Medium {
    /// Returns a handle for a process that starts now.
    pub(crate) fn open(&self) -> Self {
        Self { life: self.lock().life, ..self.clone() }
    }

    /// Returns an independent medium with the current contents.
    pub(crate) fn copied(&self) -> Self {
        let live = self.lock().live.clone();
        let state = State { durable: live.clone(), live, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    /// Loses power. Any of the writes since the last sync are kept, whole or cut short.
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

    /// Creates a medium with these bytes.
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        let state = State { live: bytes.to_vec(), durable: bytes.to_vec(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    /// Returns the states that a power loss may leave. Of the writes since the last sync, these are every prefix,
    /// every prefix with its last write cut in half, each write alone, and all writes but one.
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

    /// Calls the witness before an act, because the power can be lost before it.
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
    /// Returns the durable bytes with part of each pending write. `kept` gives its length from the number and length
    /// of the write.
    fn left(&self, kept: impl Fn(usize, usize) -> usize) -> Bytes {
        let mut bytes = self.durable.clone();
        for (number, (offset, data)) in self.pending.iter().enumerate() {
            put(&mut bytes, *offset, data.get(..kept(number, data.len())).unwrap_or(data));
        }
        bytes.into()
    }
}

impl store::Medium for Medium {
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

    fn sync(&self) -> io::Result<()> {
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
