//! A session put together from its parts.

use std::{
    error::Error,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::Transport;

use crate::{
    api::session::Session,
    core::{identity::conflict::IdentityConflict, packing::Packing, relaying::Relaying, session_core::MAX_NAME},
    engine::{
        driver::Driver,
        event::Event,
        identity::{Established, IdentitySource, Writer, establish},
        refresh::Refresh,
        resume::Resumed,
        shared::Shared,
        state::State,
    },
    environment::{Environment, SystemEnvironment},
    errors::{OpenError, SendError},
    store::contract::Store,
};

/// A session's parts, for transports, stores and clocks of your own.
#[derive(Debug)]
pub struct Parts {
    /// How frames travel.
    pub transport: Box<dyn Transport>,
    /// What must not be lost; its author is the member's.
    pub store: Box<dyn Store>,
    /// Where time comes from.
    pub environment: Arc<dyn Environment>,
    /// How often some of the own messages are compared with the folder in passing; `None`: only at the opening.
    pub scrub: Option<Duration>,
    /// Where new authors come from, and what tells the store from a copy.
    pub identity: Box<dyn IdentitySource>,
    /// Who it was in the folder of which this one is a copy, if it begins there.
    pub copied_from: Option<AuthorId>,
    /// A member of whom nothing was heard for so long is not waited for; `None`: everybody is, for ever.
    pub idle_after: Option<Duration>,
    /// When own messages are packed; `None`: never.
    pub packing: Option<Packing>,
    /// When messages of others that have vanished from the folder are put there; `None`: never by themselves.
    pub relaying: Option<Relaying>,
    /// The fewest new messages after which the store gets a snapshot, so that opening need not read the whole log; `None`:
    /// never.
    pub snapshot_after: Option<u64>,
    /// What the member is to be called, 1 to 128 bytes; it says so with the first message, or when it has looked at the folder.
    pub name: Option<String>,
    /// How long whoever sends waits for the first look at the folder, at most; the driver is run by another thread then.
    /// `None`: not at all.
    pub first_look: Option<Duration>,
}

impl Parts {
    /// A transport and a store, the time of the system, and nothing else: nothing is compared in passing, packed, relayed, or kept in
    /// pages, nobody has a name or becomes somebody else, and nobody waits.
    pub fn new(transport: Box<dyn Transport>, store: Box<dyn Store>) -> Self {
        Self {
            transport,
            store,
            environment: Arc::new(SystemEnvironment::default()),
            scrub: None,
            identity: Box::new(NoIdentity),
            copied_from: None,
            idle_after: None,
            packing: None,
            relaying: None,
            snapshot_after: None,
            name: None,
            first_look: None,
        }
    }
}

/// An observer has no author, and gets none.
#[derive(Debug)]
pub struct NoIdentity;

impl IdentitySource for NoIdentity {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Err("an observer has no author".into())
    }

    fn nonce(&mut self) -> u64 {
        0
    }
}

impl Session {
    /// Puts a session together from its parts. Nothing moves until the driver [runs](Driver::run) or is
    /// [turned](Driver::turn).
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`] when the store cannot be read, [`OpenError::Identity`] when it is a copy and no new author can be
    /// made, and [`OpenError::Name`].
    pub fn assemble(parts: Parts) -> Result<(Self, Driver), OpenError> {
        let Parts { transport, store, environment, mut identity, .. } = parts;
        check_name(parts.name.as_deref())?;
        let Established { marks, given_up } = establish(store.as_ref(), identity.as_mut())?;
        let given_up = given_up.map(|author| (author, IdentityConflict::Copied));
        let given_up = given_up.or(parts.copied_from.map(|author| (author, IdentityConflict::CopiedFolder)));
        let resumed = Resumed::from(store.as_ref(), &marks, parts.snapshot_after)?;
        // The first look is a refresh.
        let first_look = parts.first_look.map(|patience| environment.now().saturating_add(patience));
        let (me, name) = (marks.author(), parts.name);
        // An observer is called nothing.
        let mut state = State::new(resumed, marks, Refresh::with_first(first_look), name.filter(|_| me.is_some()));
        if let Some(((former, why), author)) = given_up.zip(me) {
            state.tell(Event::NewAuthor { former, author, why });
        }
        let (writer, waker) = (Writer { identity }, transport.waker());
        let shared = Arc::new(Shared::new(state, store, writer, environment, waker, parts.idle_after));
        let session = Self::new(Arc::clone(&shared));
        Ok((session, Driver::new(shared, transport, parts.scrub, parts.packing, parts.relaying)))
    }

    /// Puts a session together and runs its driver on a thread of its own, which ends when the session is closed.
    ///
    /// # Errors
    ///
    /// As for [`assemble`](Self::assemble), and [`OpenError::Thread`].
    pub fn start(parts: Parts) -> Result<Self, OpenError> {
        let (session, driver) = Self::assemble(parts)?;
        let (runs, ended) = mpsc::channel::<()>();
        let run = move || {
            // Dropped after everything that the driver has open.
            let _runs = runs;
            driver.run();
        };
        let spawned = thread::Builder::new().name("tempo-session".to_owned()).spawn(run);
        spawned.map_err(OpenError::Thread)?;
        session.is_driven_until(ended);
        Ok(session)
    }

    /// Sends the display name, unless it is known by that already.
    ///
    /// # Errors
    ///
    /// [`OpenError::Name`] and [`OpenError::Announce`]; what could not be said then is said with the next message.
    pub fn announce_name(&self, name: &str) -> Result<(), OpenError> {
        check_name(Some(name))?;
        if self.author().is_none() {
            return Err(OpenError::Announce(SendError::Observer));
        }
        self.shared().lock().name = Some(name.to_owned());
        self.shared().send(Vec::new()).map(drop).map_err(OpenError::Announce)
    }
}

pub(crate) fn check_name(name: Option<&str>) -> Result<(), OpenError> {
    match name.map(str::len) {
        Some(actual) if !(1..=MAX_NAME).contains(&actual) => Err(OpenError::Name { actual }),
        _ => Ok(()),
    }
}
