//! A session put together from its parts.

use std::{fmt::Debug, sync::Arc, time::Duration};

use tempo_clock::AuthorId;
use tempo_fs_transport::{Fingerprint, InstallationError};
use tempo_message::Transport;

use crate::{
    api::session::Session,
    core::{identity::authors::IdentityConflict, packing::Packing, relaying::Relaying, session_core::MAX_NAME},
    engine::{
        driver::Driver,
        minting::{Established, IdentitySource, establish},
        opening::Beginning,
        saving::Writer,
        shared::Shared,
    },
    environment::{Environment, SystemEnvironment},
    error::{OpenError, SendError},
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
    /// Where the store lies, if that can be told. In another place than before it is a copy, and goes on as a new author.
    pub fingerprint: Option<Fingerprint>,
    /// Where new authors come from.
    pub mint: Box<dyn IdentitySource>,
    /// Who it was in the folder of which this one is a copy, if it begins there.
    pub copied_from: Option<AuthorId>,
    /// A member of whom nothing was heard for so long is not waited for; `None`: everybody is, for ever.
    pub idle_after: Option<Duration>,
    /// When own messages are packed; `None`: never.
    pub packing: Option<Packing>,
    /// When messages of others that have vanished from the folder are put there; `None`: never by themselves.
    pub relaying: Option<Relaying>,
    /// After so many new messages the store gets in pages what follows from the log, so that opening need not read all of
    /// that; `None`: never.
    pub pages_after: Option<u64>,
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
            fingerprint: None,
            mint: Box::new(NoIdentity),
            copied_from: None,
            idle_after: None,
            packing: None,
            relaying: None,
            pages_after: None,
            name: None,
            first_look: None,
        }
    }
}

/// An observer is nobody, and becomes nobody.
#[derive(Debug)]
pub struct NoIdentity;

impl IdentitySource for NoIdentity {
    fn author(&mut self) -> Result<AuthorId, InstallationError> {
        Err(InstallationError::NoDefault)
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
    /// [`OpenError::Store`] when the store cannot be read, and [`OpenError::Name`]. What the pages of the store have is read
    /// later: a session whose store can be read no more then is closed, and the status says why.
    pub fn assemble(parts: Parts) -> Result<(Self, Driver), OpenError> {
        let Parts { transport, store, environment, mut mint, fingerprint, .. } = parts;
        check_name(parts.name.as_deref())?;
        let Established { marks, given_up } = establish(store.as_ref(), mint.as_mut(), fingerprint)?;
        // An observer is called nothing.
        let name = parts.name.filter(|_| marks.author().is_some());
        let given_up = given_up.map(|author| (author, IdentityConflict::Copied));
        let beginning = Beginning {
            marks,
            given_up: given_up.or(parts.copied_from.map(|author| (author, IdentityConflict::CopiedFolder))),
            pages_after: parts.pages_after,
            name,
            first_look: parts.first_look,
            early: Beginning::early(store.as_ref())?,
        };
        let writer = Writer::new(mint, fingerprint);
        let around = (environment, parts.idle_after);
        let shared = Arc::new(Shared::new(beginning, store, writer, around, transport.waker()));
        if shared.early().is_none() {
            shared.begin()?;
        }
        let session = Self::new(Arc::clone(&shared));
        Ok((session, Driver::new(shared, transport, (parts.scrub, parts.packing, parts.relaying))))
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
