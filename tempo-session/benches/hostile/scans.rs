//! A transport that counts its scans, and knows which scan brought a message.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    task::Waker,
    time::Duration,
};

use tempo_message::{
    Arrival, AuthorId, CollectError, CollectRequest, Collected, Disposition, Durability, Frame, Head, MessageId,
    PublishError, Published, Report, StoredRun, Transport,
};

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    begun: u64,
    arrivals: BTreeMap<MessageId, u64>,
    watched: Option<AuthorId>,
}

impl Scans {
    /// Returns how many scans have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.lock().begun
    }

    /// Records the arrivals of this author's messages from here on.
    pub(crate) fn watch(&self, author: AuthorId) {
        self.lock().watched = Some(author);
    }

    /// Waits for a message; returns the number of the scan that brought it, if one did in time.
    pub(crate) fn wait_for(&self, id: MessageId, patience: Duration) -> Option<u64> {
        let state = self.lock();
        let waited = self.arrived.wait_timeout_while(state, patience, |state| !state.arrivals.contains_key(&id));
        waited.expect("no thread panics under the lock").0.arrivals.remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics under the lock")
    }
}

/// A transport that is counted.
#[derive(Debug)]
pub(crate) struct Counted<T> {
    pub(crate) inner: T,
    pub(crate) scans: Arc<Scans>,
}

impl<T: Transport> Transport for Counted<T> {
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        self.inner.join(author)
    }

    fn publish(&mut self, frame: &Frame, durability: Durability) -> Result<Published, PublishError> {
        self.inner.publish(frame, durability)
    }

    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError> {
        self.inner.leave_head(head)
    }

    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError> {
        self.inner.inventory(author)
    }

    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError> {
        self.scans.lock().begun += 1;
        let scans = Arc::clone(&self.scans);
        self.inner.collect(want, &mut |arrival| {
            let id = match &arrival {
                Arrival::Frame(frame) => Some(frame.id()),
                _ => None,
            };
            let taken = take(arrival);
            let mut state = scans.lock();
            if let Some(id) = id.filter(|id| taken == Disposition::Known && state.watched == Some(id.author)) {
                let begun = state.begun;
                state.arrivals.entry(id).or_insert(begun);
                scans.arrived.notify_all();
            }
            taken
        })
    }

    fn wait(&mut self, timeout: Duration) {
        self.inner.wait(timeout);
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }

    fn report(&self) -> Report {
        self.inner.report()
    }
}
