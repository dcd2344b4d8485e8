//! Sessions assembled from components.

use std::{
    error::Error,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Ed25519, Manifest, Transport, Verify};

use crate::{
    api::session::Session,
    core::{
        carrying::Carrying, identity::conflict::IdentityConflict, packing::Packing, relaying::Relaying,
        session_core::MAX_NAME,
    },
    engine::{
        carrier::Carrier,
        driver::Driver,
        event::Event,
        files::Fetch,
        identity::{Established, IdentitySource, Writer, establish},
        refresh::Refresh,
        resume::Resumed,
        shared::Shared,
        state::State,
    },
    environment::{Environment, SystemEnvironment},
    errors::{OpenError, SendError},
    store::{contract::Store, outside::Outside, shelf::Shelf},
};

/// The components of a session, for transports, stores and clocks of your own.
#[derive(Debug)]
pub struct Components {
    /// The transport that carries frames.
    pub transport: Box<dyn Transport>,
    /// The durable store. Its author is the member's.
    pub store: Box<dyn Store>,
    /// The source of time.
    pub environment: Arc<dyn Environment>,
    /// The time between background comparisons of some own messages with the folder. `None` compares only at
    /// opening.
    pub scrub: Option<Duration>,
    /// The source of new authors, which also tells the store from a copy.
    pub identity: Box<dyn IdentitySource>,
    /// The author that the member had in the original folder, if this folder is a copy and the member begins
    /// here.
    pub copied_from: Option<AuthorId>,
    /// The time without news after which the session stops waiting for a member. `None` waits for every
    /// member forever.
    pub idle_after: Option<Duration>,
    /// Whether members can [retire](Session::retire) each other. A member can always leave by itself.
    pub heed_retirements: bool,
    /// The scheme of signatures, the same for all members of a session.
    pub verify: Arc<dyn Verify>,
    /// Settings for packing own messages. `None` never packs.
    pub packing: Option<Packing>,
    /// Settings for relaying vanished messages of others. `None` relays only when asked.
    pub relaying: Option<Relaying>,
    /// The fewest new messages after which the store gets a snapshot, so that opening need not read the whole
    /// log. `None` makes no snapshots.
    pub snapshot_after: Option<u64>,
    /// Where the content of files is kept that are sent or fetched. Without one, there are none.
    pub shelf: Option<Arc<dyn Shelf>>,
    /// The files of the application, which are attached and exported by path.
    pub outside: Arc<dyn Outside>,
    /// Which files of others are fetched without being asked for.
    pub fetch: Fetch,
    /// The times by which the parts of files move.
    pub carrying: Carrying,
    /// The exponent of the size of the parts of own files, 10 to 30. More where a file would have too many parts.
    pub part_exponent: u8,
    /// The most bytes that own files which are not released may have together.
    pub files_quota: Option<u64>,
    /// The bytes that files leave free, for messages and other programs, on the volumes of the shelf and of the folder.
    pub files_reserve: u64,
    /// The display name, 1 to 128 bytes. It is announced after the first look at the folder, or with the
    /// first message.
    pub name: Option<String>,
    /// The longest time that a sender waits for the first look at the folder. Another thread must then run
    /// the driver. `None` does not wait.
    pub first_look: Option<Duration>,
}

impl Components {
    /// Combines a transport and a store with the system's clocks. Retirements are heeded. Everything else is off:
    /// scrubbing, packing, relaying, snapshots, the name, new authors, and waiting.
    pub fn new(transport: Box<dyn Transport>, store: Box<dyn Store>) -> Self {
        Self {
            transport,
            store,
            environment: Arc::new(SystemEnvironment::default()),
            scrub: None,
            identity: Box::new(NoIdentity),
            copied_from: None,
            idle_after: None,
            heed_retirements: true,
            verify: Arc::new(Ed25519),
            packing: None,
            relaying: None,
            snapshot_after: None,
            shelf: None,
            #[cfg(feature = "folder")]
            outside: Arc::new(crate::store::outside::MachineFiles),
            #[cfg(not(feature = "folder"))]
            outside: Arc::new(crate::store::outside::NoFiles),
            fetch: Fetch::OnDemand,
            carrying: Carrying::default(),
            part_exponent: Manifest::EXPONENT,
            files_quota: None,
            files_reserve: 0,
            name: None,
            first_look: None,
        }
    }
}

/// The identity source of a session that never needs a new author, such as an observer's.
#[derive(Debug)]
pub struct NoIdentity;

impl IdentitySource for NoIdentity {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Err("the session has no source of authors; give it one as `Components::identity`".into())
    }

    fn nonce(&mut self) -> u64 {
        0
    }
}

impl Session {
    /// Assembles a session from its components. Nothing moves until the driver [runs](Driver::run) or is
    /// [turned](Driver::turn).
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`] when the store cannot be read, [`OpenError::Identity`] when it is a copy and
    /// making a new author fails, and [`OpenError::Name`].
    pub fn assemble(components: Components) -> Result<(Self, Driver), OpenError> {
        let Components { mut transport, store, environment, mut identity, verify, shelf, .. } = components;
        check_name(components.name.as_deref())?;
        let Established { marks, given_up } = establish(store.as_ref(), identity.as_mut())?;
        let given_up = given_up.or(components.copied_from.map(|author| (author, IdentityConflict::CopiedFolder)));
        let mut resumed = Resumed::from(store.as_ref(), &marks, &verify, components.snapshot_after)?;
        resumed.core.heeds_retirements = components.heed_retirements;
        // The first look is a refresh.
        let first_look = components.first_look.map(|patience| environment.now().saturating_add(patience));
        let (me, name) = (marks.author(), components.name);
        // An observer has no name.
        let mut state = State::new(resumed, marks, Refresh::with_first(first_look), name.filter(|_| me.is_some()));
        if let Some(((former, why), author)) = given_up.zip(me) {
            state.tell(Event::NewAuthor { former, author, why });
        }
        let (writer, waker) = (Writer::new(identity), transport.waker());
        let moves = shelf.clone().zip(transport.parts());
        state.files.has_no_carrier = moves.is_none();
        state.files.records = store.files()?.into_iter().collect();
        let outside = components.outside;
        let mut shared = Shared::new(state, store, writer, environment, waker, components.idle_after);
        (shared.shelf, shared.files_quota) = (shelf, components.files_quota);
        shared.files_reserve = components.files_reserve;
        shared.outside = outside;
        shared.part_exponent = components.part_exponent;
        shared.parts = Mutex::new(transport.parts());
        let shared = Arc::new(shared);
        let how = (components.fetch, components.carrying);
        let carrier = moves.map(|(shelf, parts)| Carrier::new(Arc::clone(&shared), parts, shelf, how));
        let session = Self::new(Arc::clone(&shared));
        let driver = Driver::new(shared, transport, components.scrub, components.packing, components.relaying);
        Ok((session, driver.with(carrier)))
    }

    /// Assembles a session and runs its driver on a thread of its own. The thread ends when the session is
    /// closed.
    ///
    /// # Errors
    ///
    /// As for [`assemble`](Self::assemble), and [`OpenError::Thread`].
    pub fn start(components: Components) -> Result<Self, OpenError> {
        let (session, driver) = Self::assemble(components)?;
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

    /// Sends the display name, unless the member already has this name.
    ///
    /// # Errors
    ///
    /// [`OpenError::Name`] and [`OpenError::Announce`]. A name that could not be sent travels with the next
    /// message.
    pub fn announce_name(&self, name: &str) -> Result<(), OpenError> {
        check_name(Some(name))?;
        if self.author().is_none() {
            return Err(OpenError::Announce(SendError::Observer));
        }
        self.shared().lock().name = Some(name.to_owned());
        self.shared().send(&[]).map(drop).map_err(OpenError::Announce)
    }
}

pub(crate) fn check_name(name: Option<&str>) -> Result<(), OpenError> {
    match name.map(str::len) {
        Some(actual) if !(1..=MAX_NAME).contains(&actual) => Err(OpenError::Name { actual }),
        _ => Ok(()),
    }
}
