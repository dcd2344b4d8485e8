//! How a session begins: it is open at once, and what takes the longer the more there is comes behind.
//!
//! What the core knew is read from the store by whoever first asks for it, as a rule the driver. Until then the end of the
//! timeline is there, which is what an application shows first. Where others stand shows in the folder, at which the
//! driver looks then; whoever sends waits for that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Durability, MessageId, planted};

use crate::{
    api::events::Event,
    engine::{
        paging::Resumed,
        preview::Early,
        shared::{Shared, State, describe},
    },
};
use crate::{
    core::identity::authors::IdentityConflict,
    store::{contract::Store, error::StoreError, marks::Marks},
};

/// What is known of a session as long as only that is read which takes no time.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) marks: Marks,
    /// The author that the store had if it is a copy, or the member in the folder of which this one is a copy.
    pub(crate) given_up: Option<(AuthorId, IdentityConflict)>,
    pub(crate) pages_after: Option<u64>,
    /// What the member is to be called.
    pub(crate) name: Option<String>,
    /// How long whoever sends waits for the first look at the folder, once everything is read.
    pub(crate) first_look: Option<Duration>,
    /// The timeline, for whoever asks for it before it is read; `None` when that cannot be told, or is over.
    pub(crate) early: Mutex<Option<Arc<Early>>>,
}

impl Beginning {
    /// What a session begins with. What the pages of the store do not have is in its log, where everything that can go wrong
    /// should show before the session is open: then there is no early timeline.
    pub(crate) fn early(store: &dyn Store) -> Result<Mutex<Option<Arc<Early>>>, StoreError> {
        Ok(Mutex::new(Resumed::preview(store)?.map(Early::new).map(Arc::new)))
    }
}

impl Shared {
    /// The author that this member writes as.
    pub(crate) fn author(&self) -> Option<AuthorId> {
        if self.is_read() { self.lock().core.author() } else { self.beginning.marks.author() }
    }

    /// The timeline, if it was not read yet and its end is known.
    pub(crate) fn early(&self) -> Option<Arc<Early>> {
        let early = self.beginning.early.lock().unwrap_or_else(PoisonError::into_inner);
        early.as_ref().map(Arc::clone)
    }

    /// Reads what the store knows; when it cannot be read although it is there, the session is over before it has begun.
    pub(crate) fn read_or_end(&self) -> State {
        self.read().unwrap_or_else(|error| {
            let nothing = Resumed::nothing(&self.beginning.marks, None);
            let state = State::new(nothing, self.beginning.marks.clone(), BTreeMap::new());
            State { is_open: false, store_error: Some(describe(&error)), ..state }
        })
    }

    /// Reads what the store knows.
    pub(crate) fn read(&self) -> Result<State, StoreError> {
        let Beginning { marks, given_up, pages_after, name, first_look, early } = &self.beginning;
        let resumed = self.with_store(|store| {
            let mut resumed = Resumed::from(store, marks, *pages_after)?;
            let log = resumed.log + u64::from(planted!(PagesSkipOne) && resumed.log > 0);
            resumed.restore(|each| store.restore(log, each))?;
            Ok(resumed)
        })?;
        // What was published lazily may look right and hold zeros after a loss of power: it is read and synced once.
        let audited: BTreeMap<_, _> = marks.own.iter().map(|own| (own.author, own.audited)).collect();
        let is_audited = |id: &MessageId| audited.get(&id.author).is_some_and(|&audited| id.counter <= audited);
        let doubtful = resumed.own.keys().filter(|(id, _)| !is_audited(id) && !planted!(AuditByLength));
        let outbox = doubtful.map(|&own| (own, Durability::Durable)).collect();
        let mut state = State::new(resumed, marks.clone(), outbox);
        state.core.handle_stable(marks.stable, marks.stable_by.iter().copied());
        (state.name, state.look_until) =
            (name.clone(), first_look.map(|patience| self.environment.now().saturating_add(patience)));
        // The first look is a refresh.
        state.refresh_wanted = u64::from(first_look.is_some());
        if let Some(((former, why), author)) = given_up.zip(marks.author()) {
            state.tell(Event::NewAuthor { former, author, why });
        }
        if let Some(early) = early.lock().unwrap_or_else(PoisonError::into_inner).take() {
            early.fill(&state.core);
        }
        Ok(state)
    }

    /// Waits for the first look at the folder as long as that may take, and no longer than `patience`.
    ///
    /// Whether somebody else writes under this author shows in the folder, and should show before more is written. A folder that
    /// is away or slow does not keep anybody from writing.
    pub(crate) fn wait_for_first_look(&self, patience: Duration) {
        let mut state = self.lock();
        let end = self.environment.now().saturating_add(patience);
        while let Some(until) = state.look_until.filter(|_| state.is_open()) {
            let now = self.environment.now();
            if until <= now {
                state.look_until = None;
            } else if end <= now {
                return;
            } else {
                state = self.wait(state, until.min(end).saturating_sub(now));
            }
        }
    }
}
