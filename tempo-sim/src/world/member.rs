//! One member of a simulated session: a machine with a disk, a clock and a store, and a session while it runs.

use std::{
    collections::{BTreeSet, VecDeque},
    error::Error,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tempo_clock::{AuthorId, Lamport};
use tempo_fs_transport::{Fingerprint, FsTransport, Home, Options, Spelling};
use tempo_message::{Digest, MessageId};
use tempo_session::{
    Cursor, Packing, Relaying, Session,
    error::OpenError,
    parts::{Driver, Environment, IdentitySource, Parts},
    replica::Replica,
};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::{
    SimStore,
    app::{App, Digests, Saved},
};
use crate::{Counts, Disk, Rng};

/// A member.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct Member {
    pub(crate) author: AuthorId,
    /// Whom it was before.
    pub(crate) former: Vec<AuthorId>,
    /// Where its store lies.
    pub(crate) fingerprint: Fingerprint,
    /// An author that it must not write as any more, because its store is a copy.
    pub(crate) copied_from: Option<AuthorId>,
    pub(crate) rng: Rng,
    /// What it is called in the story.
    pub(crate) name: String,
    /// What it calls itself.
    pub(crate) display_name: String,
    pub(crate) disk: Disk,
    /// Which directory the folder was when it was opened first.
    home: Option<Home>,
    /// How the folder was named when the session was opened in it last.
    remembered: Option<Spelling>,
    /// Its folder is away, and what it is called now is not what it was called.
    pub(crate) is_lost: bool,
    pub(crate) store: SimStore,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) running: Option<Running>,
    /// When its driver is to be turned next.
    pub(crate) turn_at: Option<Duration>,
    pub(crate) offline: bool,
    /// It does not start again, or not before the faults are over.
    pub(crate) leave: Option<Leave>,
    /// Whole messages that have arrived under their names, by the time since when nothing keeps them from being delivered.
    pub(crate) arrived: BTreeSet<(Duration, Digest)>,
    /// Messages that were sent, and when, until they are looked for in the folder.
    pub(crate) sent_at: VecDeque<(Duration, OsString, OsString)>,
    /// When its folder last looked like one that is away.
    pub(crate) seemed_away: Duration,
    /// More than one store has been in use under this name.
    pub(crate) is_ambiguous: bool,
    /// Somebody has written over its messages.
    pub(crate) is_overwritten: bool,
    /// Until then the application takes no events.
    pub(crate) reads_from: Duration,
    /// What the application has kept, beside the store.
    pub(crate) saved: Saved,
    /// How often own messages are compared with the folder in passing.
    pub(crate) scrub: Option<Duration>,
    pub(crate) packing: Option<Packing>,
    pub(crate) relaying: Option<Relaying>,
    /// The fewest new messages that are worth a snapshot in its store.
    snapshot_after: Option<u64>,
}

/// For how long a member is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It never comes back.
    ForGood,
    /// It comes back when all faults are over.
    ForNow,
}

/// A member's session while it runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) session: Session,
    pub(crate) driver: Driver,
    pub(crate) since: Duration,
    pub(crate) cursor: Cursor,
    pub(crate) app: App,
    pub(crate) replica: Replica<Digests>,
    /// Up to which time the order was stable when it came to know everybody: whoever it did not know had no say in that.
    pub(crate) stable_by_few: Option<Lamport>,
    /// Messages that were told to be held.
    pub(crate) told_held: BTreeSet<MessageId>,
    /// Turns in a row that asked for another one at once.
    pub(crate) restless: u32,
}

/// A clock that is told the time.
#[derive(Debug, Default)]
pub struct SimClock {
    now_us: AtomicU64,
    skew_ms: AtomicI64,
    was_wrong: AtomicBool,
}

impl Member {
    pub(crate) fn new(author: AuthorId, name: String, disk: Disk, mut rng: Rng) -> Self {
        let machine = Digest::of(&rng.next().to_le_bytes());
        Self {
            author,
            former: Vec::new(),
            fingerprint: Fingerprint { machine: Some(machine), made_ns: Some(1), number: Some(1) },
            copied_from: None,
            rng,
            display_name: name.clone(),
            name,
            home: Home::on(&disk.fs(), &disk.folder()).ok().flatten(),
            remembered: None,
            is_lost: false,
            disk,
            store: SimStore::new(author),
            clock: Arc::default(),
            running: None,
            turn_at: None,
            offline: false,
            leave: None,
            arrived: BTreeSet::new(),
            sent_at: VecDeque::new(),
            seemed_away: Duration::ZERO,
            is_ambiguous: false,
            is_overwritten: false,
            reads_from: Duration::ZERO,
            saved: Saved::default(),
            scrub: Some(Duration::from_secs(30)),
            packing: None,
            relaying: Some(Relaying::default()),
            snapshot_after: machine.as_bytes().first().map(|&byte| u64::from(byte) % 8),
        }
    }

    /// Whether a name of its own may hold something else, so that its message lies beside it.
    pub(crate) fn may_lie_beside(&self) -> bool {
        self.is_ambiguous || self.is_overwritten
    }

    /// The session, while the member runs.
    pub fn session(&self) -> Option<&Session> {
        self.running.as_ref().map(|running| &running.session)
    }

    /// The disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The author that it writes as now.
    pub fn author(&self) -> AuthorId {
        self.author
    }

    /// The store.
    pub fn store(&self) -> &SimStore {
        &self.store
    }

    /// The clock.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// The application goes on where it has committed its cursor.
    fn resume(&self, session: &Session) -> Result<(Cursor, App), OpenError> {
        let failed = |_| OpenError::Store(SimStore::failure());
        let cursor = session.cursor("app").map_err(failed)?;
        let mut app = self.saved.at(&cursor.progress()?).ok_or_else(|| OpenError::Store(SimStore::failure()))?;
        app.catch_up(session);
        Ok((cursor, app))
    }

    /// The path by which the folder is named this time.
    fn name_folder(&mut self) -> PathBuf {
        let (folder, options) = (self.disk.folder(), self.disk.options());
        if !options.is_linked {
            return folder;
        }
        let name = options.folder_name();
        match self.rng.below(4) {
            0 => Path::new(Disk::LINK).join(name),
            // Only where these are the same.
            1 if options.naming.folds_case => Path::new("/").join(name.to_ascii_uppercase()),
            2 if options.naming.decomposes => Path::new("/").join(name.nfd().collect::<String>()),
            _ => folder,
        }
    }

    /// Whether the folder is away and known by its name: then the session is opened all the same, and keeps what is sent.
    fn finds(&mut self, folder: &Path, counts: &mut Counts) -> bool {
        let asked = Spelling::of(&self.disk.fs(), folder);
        if !self.disk.is_missing() {
            self.remembered = Some(asked);
            return false;
        }
        let Some(remembered) = &self.remembered else { return false };
        let is_found = remembered.is(&asked) || remembered.is_like(&asked);
        if is_found && remembered.given != asked.given {
            counts.add("found by another spelling");
        }
        self.is_lost = !is_found;
        is_found
    }

    /// Opens the session, as a process does when it starts.
    pub(crate) fn start(&mut self, counts: &mut Counts) -> Result<(), OpenError> {
        let folder = self.name_folder();
        let mut options = Options::default();
        options.staging = Some(Disk::STAGING.into());
        options.home = self.home;
        options.fetch_online_only = self.disk.options().fetches;
        options.may_be_away = self.finds(&folder, counts);
        let transport = FsTransport::open_on(self.disk.fs(), &folder, &options);
        let transport = transport.map_err(tempo_fs_transport::InstallationError::from)?;
        let store = self.store.open_store()?;
        let parts = Parts {
            scrub: self.scrub,
            environment: Arc::clone(&self.clock) as Arc<dyn Environment>,
            packing: self.packing,
            relaying: self.relaying,
            snapshot_after: self.snapshot_after,
            identity: Box::new(SimIdentity { rng: self.rng.fork(), fingerprint: self.fingerprint }),
            ..Parts::new(Box::new(transport), store)
        };
        let (session, driver) = Session::assemble(parts)?;
        let (cursor, app) = self.resume(&session)?;
        let replica = self.saved.replica(&session);
        self.running = Some(Running {
            session,
            driver,
            since: self.clock.now(),
            cursor,
            app,
            replica,
            stable_by_few: None,
            told_held: BTreeSet::new(),
            restless: 0,
        });
        Ok(())
    }
}

/// Draws new authors from a generator, on a machine whose store has this fingerprint.
#[derive(Debug)]
struct SimIdentity {
    rng: Rng,
    fingerprint: Fingerprint,
}

impl IdentitySource for SimIdentity {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Ok(AuthorId::new(Uuid::from_u64_pair(self.rng.next(), self.rng.next())))
    }

    fn nonce(&mut self) -> u64 {
        self.rng.next()
    }

    fn place(&self) -> Option<Vec<u8>> {
        Some(self.fingerprint.to_bytes())
    }

    fn is_copy(&self, written_in: &[u8]) -> bool {
        Fingerprint::from_bytes(written_in).is_some_and(|before| self.fingerprint.is_of_another_than(&before))
    }
}

impl SimClock {
    pub(crate) fn set_now(&self, now: Duration) {
        self.now_us.store(u64::try_from(now.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether the wall clock has always shown what it should.
    pub(crate) fn is_right(&self) -> bool {
        !self.was_wrong.load(Ordering::Relaxed)
    }

    /// Lets the wall clock be wrong by so much.
    pub fn set_skew_ms(&self, skew: i64) {
        self.skew_ms.store(skew, Ordering::Relaxed);
        self.was_wrong.fetch_or(skew != 0, Ordering::Relaxed);
    }
}

impl Environment for SimClock {
    fn now(&self) -> Duration {
        Duration::from_micros(self.now_us.load(Ordering::Relaxed))
    }

    fn unix_ms(&self) -> i64 {
        const START: i64 = 1_790_000_000_000;
        let since = i64::try_from(self.now().as_millis()).unwrap_or(i64::MAX);
        START.saturating_add(since).saturating_add(self.skew_ms.load(Ordering::Relaxed))
    }
}
