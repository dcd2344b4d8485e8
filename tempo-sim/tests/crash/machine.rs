//! A member on a machine: a disk, a store, and a session whose driver is turned by hand.

use std::{
    collections::BTreeMap,
    error::Error,
    ffi::OsString,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{AuthorId, Digest, MessageId};
use tempo_session::{
    Packing, Session,
    components::{Components, Driver, IdentitySource, Turn},
};
use tempo_sim::{Disk, DiskOptions, Rng, SimClock, SimStore, disk::Cuts};
use uuid::Uuid;

use crate::operation::Operation;

/// The messages that `send` has returned.
pub(crate) type Promised = Arc<BTreeMap<MessageId, Digest>>;

/// The configuration of machines.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) disk: DiskOptions,
    /// The variants of unsynced content that are tried.
    pub(crate) cuts: Cuts,
    /// True if the store is the real database.
    pub(crate) database: bool,
    /// True if the store is a copy. It is then in another place than where it was written, so its author is
    /// abandoned.
    pub(crate) copied: bool,
    /// The most consecutive crashes during recoveries that are examined.
    pub(crate) interrupted: usize,
    /// The messages of another author: directory, name, content.
    pub(crate) others: Vec<(OsString, OsString, Bytes)>,
    /// True if messages are packed from the start.
    pub(crate) packing: Option<Packing>,
}

/// A running member.
pub(crate) struct Machine {
    pub(crate) disk: Disk,
    pub(crate) store: SimStore,
    /// The open session; `None` while it is closed.
    open: Option<(Session, Driver)>,
    /// The promised messages, shared with the watcher.
    pub(crate) promised: Arc<Mutex<Promised>>,
    others: Vec<(OsString, OsString, Bytes)>,
    copied: bool,
    packing: Option<Packing>,
}

pub(crate) fn author() -> AuthorId {
    AuthorId::new(Uuid::from_u64_pair(1, 1))
}

impl Default for Setup {
    fn default() -> Self {
        let setup = Self {
            disk: DiskOptions::default(),
            cuts: Cuts::All,
            database: false,
            copied: false,
            interrupted: usize::MAX,
            others: Vec::new(),
            packing: None,
        };
        let store = SimStore::new(AuthorId::new(Uuid::from_u64_pair(2, 2)));
        let mut other = Machine::open(Disk::new(setup.disk.clone(), Rng::new(2)), store, &setup).unwrap();
        for _ in 0..3 {
            other.act(Operation::Send).unwrap();
        }
        other.rest().unwrap();
        Self { others: other.disk.files(), ..setup }
    }
}

/// Packs of `few` messages and of twice as many, made as soon as possible without waiting for any member.
pub(crate) fn pack_soon(few: u64) -> Packing {
    Packing { few, times: 2, at_once: 2, grace: Duration::ZERO, patience: Duration::ZERO, ..Packing::default() }
}

/// Numbers each life and each author. No other process takes these names, so one that was drawn and not kept may
/// return.
#[derive(Debug)]
struct Lives {
    lives: usize,
    authors: usize,
    copied: bool,
}

impl IdentitySource for Lives {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Ok(AuthorId::new(Uuid::from_u64_pair(1, u64::try_from(self.authors).unwrap() + 1)))
    }

    fn nonce(&mut self) -> u64 {
        u64::try_from(self.lives).unwrap() + 7
    }

    fn place(&self) -> Option<Vec<u8>> {
        Some(vec![u8::from(self.copied)])
    }

    fn is_copy(&self, written_in: &[u8]) -> bool {
        written_in != [u8::from(self.copied)]
    }
}

impl Machine {
    /// Creates the disk and the store of a new machine.
    pub(crate) fn fresh(setup: &Setup) -> (Disk, SimStore) {
        let mut store = SimStore::new(author());
        if setup.database {
            store.use_database();
            // A store is first created under another name, so a half-made one is never opened.
            drop(store.open_store().unwrap());
        }
        let disk = Disk::new(setup.disk.clone(), Rng::new(1));
        if setup.copied {
            let original = Setup { copied: false, ..setup.clone() };
            let mut original = Self::open(disk.clone(), store.clone(), &original).unwrap();
            original.act(Operation::Send).unwrap();
            original.rest().unwrap();
            drop(original);
            disk.forget_processes();
            store.take_sent();
        }
        (disk, store)
    }

    /// Starts the process.
    pub(crate) fn open(disk: Disk, store: SimStore, setup: &Setup) -> Result<Self, String> {
        let Setup { others, copied, packing, .. } = setup.clone();
        let mut machine = Self { disk, store, open: None, promised: Arc::default(), others, copied, packing };
        machine.start()?;
        Ok(machine)
    }

    fn start(&mut self) -> Result<(), String> {
        let mut options = Options::default();
        options.staging = Some(Disk::STAGING.into());
        let marks = self.store.marks_now();
        let transport = FsTransport::open_on(self.disk.fs(), Disk::FOLDER.as_ref(), &options);
        let components = Components {
            environment: Arc::<SimClock>::default(),
            identity: Box::new(Lives { lives: marks.lives.len(), authors: marks.own.len(), copied: self.copied }),
            packing: self.packing,
            snapshot_after: Some(2),
            ..Components::new(
                Box::new(transport.map_err(|error| format!("cannot open the folder: {error}"))?),
                self.store.open_store().map_err(|error| format!("cannot open the store: {error}"))?,
            )
        };
        self.open = Some(Session::assemble(components).map_err(|error| format!("cannot open the session: {error}"))?);
        Ok(())
    }

    pub(crate) fn session(&self) -> &Session {
        &self.open.as_ref().unwrap().0
    }

    /// Performs one operation, and nothing more.
    pub(crate) fn act(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::Send => self.send(1),
            Operation::SendAll => self.send(2),
            Operation::Receive => {
                let there = self.disk.files();
                let (dir, name, content) = self.others.iter().find(|file| !there.contains(file)).unwrap();
                self.disk.put(dir, name, content.clone());
                Ok(())
            }
            Operation::Reopen => self.reopen(),
            Operation::Pack => {
                self.packing = Some(pack_soon(1));
                self.reopen()
            }
        }
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.open = None;
        self.disk.forget_processes();
        self.start()
    }

    fn send(&mut self, count: u64) -> Result<(), String> {
        let first = u64::try_from(self.store.sent().len()).unwrap() + 1;
        let payloads = (first..first + count).map(|number| format!("message {number}"));
        let ids = self.session().send_all(payloads).map_err(|error| format!("cannot send: {error}"))?;
        let mut promised = BTreeMap::clone(&self.promised.lock().unwrap());
        for id in ids {
            let frame = self.store.sent().into_iter().find(|frame| frame.id() == id);
            let digest = frame.ok_or_else(|| format!("{id} was sent but is not in the store"))?.digest();
            if promised.insert(id, digest).is_some_and(|earlier| earlier != digest) {
                return Err(format!("I9: {id} is used again"));
            }
        }
        *self.promised.lock().unwrap() = Arc::new(promised);
        Ok(())
    }

    /// Turns the driver until there is nothing to do.
    pub(crate) fn rest(&mut self) -> Result<(), String> {
        let (session, driver) = self.open.as_mut().unwrap();
        for _ in 0..64 {
            match driver.turn() {
                Turn::Again => {}
                Turn::Wait(_) if session.status().unpublished == 0 => return Ok(()),
                Turn::Wait(_) => {}
                Turn::Stop => return Err("the driver has stopped".to_owned()),
            }
        }
        Err(format!("does not come to rest: {:?}", session.status()))
    }
}
