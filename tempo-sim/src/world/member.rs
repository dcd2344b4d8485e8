//! One member of a simulated session: a machine with a disk, a clock and a store, and a session while it runs.

use std::{
    collections::{BTreeSet, VecDeque},
    error::Error,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tempo_clock::{AuthorId, Lamport};
use tempo_fs_transport::{Fingerprint, FsTransport, Home, Options, Spelling};
use tempo_message::{Digest, MessageId, Sign};
use tempo_session::{
    Cursor, Packing, Relaying, Session,
    components::{Components, Driver, Environment, IdentitySource, Wakeup},
    error::OpenError,
    replica::Replica,
};
use unicode_normalization::UnicodeNormalization;

use super::{
    SimStore, Simulation,
    app::{App, Digests, Saved},
    attaching::{Attaching, Carried},
    signing::{Keys, Scheme},
    undoing::Undone,
    waiting,
};
use crate::{Counts, Disk, Rng};

/// A member of a simulated session.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct Member {
    pub(crate) author: AuthorId,
    /// Its former authors.
    pub(crate) former: Vec<AuthorId>,
    /// The fingerprint of the place of its store.
    pub(crate) fingerprint: Fingerprint,
    /// An author that it must no longer write as, because its store is a copy.
    pub(crate) copied_from: Option<AuthorId>,
    pub(crate) rng: Rng,
    /// Its name in the trace.
    pub(crate) name: String,
    /// The name that it announces.
    pub(crate) display_name: String,
    pub(crate) disk: Disk,
    /// The identity of the folder's directory when it was first opened.
    home: Option<Home>,
    /// The spelling of the folder when the session was last opened in it.
    remembered: Option<Spelling>,
    /// True if its folder is away and has been given another name than before.
    pub(crate) is_lost: bool,
    pub(crate) store: SimStore,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) running: Option<Running>,
    /// True while its machine runs and its application has closed the session.
    pub(crate) is_closed: bool,
    /// The time of the next turn of its driver.
    pub(crate) turn_at: Option<Duration>,
    pub(crate) offline: bool,
    /// Set if the member does not restart, or not before the faults are over.
    pub(crate) leave: Option<Leave>,
    /// Whole messages that have arrived under their names, each with the time since when nothing prevents its
    /// delivery.
    pub(crate) arrived: BTreeSet<(Duration, Digest)>,
    /// Sent messages and their times, until the check looks for them in the folder.
    pub(crate) sent_at: VecDeque<(Duration, OsString, OsString)>,
    /// The last time at which its folder seemed to be away.
    pub(crate) seemed_away: Duration,
    /// True if this is no member, but the machine of a thief. No session runs there.
    pub(crate) is_thief: bool,
    /// True if more than one store has been in use under this name.
    pub(crate) is_ambiguous: bool,
    /// True if another program has overwritten its messages.
    pub(crate) is_overwritten: bool,
    /// Set while something undoes what it writes.
    pub(crate) undone: Option<Undone>,
    /// True if the directory of its folder was made again.
    pub(crate) is_folder_new: bool,
    /// The time until which the application takes no events.
    pub(crate) reads_from: Duration,
    /// The data that the application has saved, besides the store.
    pub(crate) saved: Saved,
    /// The interval at which it compares own messages with the folder in passing.
    pub(crate) scrub: Option<Duration>,
    pub(crate) packing: Option<Packing>,
    pub(crate) relaying: Option<Relaying>,
    /// The fewest new messages that justify a snapshot in its store.
    snapshot_after: Option<u64>,
    /// What it needs for files, if the members of the run send any.
    pub(crate) attaching: Option<Box<Attaching>>,
    pub(crate) scheme: Scheme,
    /// The secret keys on its machine.
    pub(crate) keys: Keys,
}

/// The duration of a member's absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The member never returns.
    ForGood,
    /// The member returns when all faults are over.
    ForNow,
}

/// A member's session while it runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) session: Session,
    pub(crate) driver: Driver,
    pub(super) carried: Option<Carried>,
    pub(crate) since: Duration,
    pub(crate) cursor: Cursor,
    pub(crate) app: App,
    pub(crate) replica: Replica<Digests>,
    /// The end of the stable order, in logical time, when the member had come to know every member. Members that it
    /// did not know had no say in that.
    pub(crate) stable_by_few: Option<Lamport>,
    /// The time up to which it last called the order stable, once members have retired each other.
    pub(crate) stable_until: Lamport,
    /// Messages that were reported as held.
    pub(crate) told_held: BTreeSet<MessageId>,
    /// The number of consecutive turns that asked for another turn at once.
    pub(crate) restless: u32,
}

/// A clock that the simulator sets. While a session waits by it, its world runs.
#[derive(Debug, Default)]
pub struct SimClock {
    /// Nothing ever waits outside a [`World`](crate::World).
    pub(super) world: OnceLock<Weak<Mutex<Simulation>>>,
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
            is_closed: false,
            turn_at: None,
            offline: false,
            leave: None,
            arrived: BTreeSet::new(),
            sent_at: VecDeque::new(),
            seemed_away: Duration::ZERO,
            is_thief: false,
            is_ambiguous: false,
            is_overwritten: false,
            undone: None,
            is_folder_new: false,
            reads_from: Duration::ZERO,
            saved: Saved::default(),
            scrub: Some(Duration::from_secs(30)),
            packing: None,
            relaying: Some(Relaying::default()),
            snapshot_after: machine.as_bytes().first().map(|&byte| u64::from(byte) % 8),
            attaching: None,
            scheme: Scheme::Plain,
            keys: Keys::default(),
        }
    }

    /// Gives the member the keys of its machine.
    pub(crate) fn signing(self, scheme: Scheme, keys: Keys) -> Self {
        Self { scheme, keys, ..self }
    }

    /// Returns whether it is not one of those that agree in the end: it has left, or it is a thief.
    pub(crate) fn is_gone(&self) -> bool {
        self.leave.is_some() || self.is_thief
    }

    /// Returns whether an author is, or was, this member.
    pub(crate) fn is_or_was(&self, author: AuthorId) -> bool {
        self.author == author || self.former.contains(&author)
    }

    /// Returns whether one of its names may hold something else, so that its message is beside it.
    pub(crate) fn may_lie_beside(&self) -> bool {
        self.is_ambiguous || self.is_overwritten
    }

    /// Returns the session, while the member runs and its application has not closed it.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.running.as_ref().map(|running| &running.session).filter(|session| session.is_open())
    }

    /// Returns the disk.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Returns the author that the member now writes as.
    pub(crate) fn author(&self) -> AuthorId {
        self.author
    }

    /// Returns the store.
    pub(crate) fn store(&self) -> &SimStore {
        &self.store
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// Resumes the application where it committed its cursor.
    fn resume(&self, session: &Session) -> Result<(Cursor, App), OpenError> {
        let failed = |_| OpenError::Store(SimStore::failure());
        let cursor = session.cursor("tempo-sim").map_err(failed)?;
        let mut app = self.saved.at(&cursor.progress()?).ok_or_else(|| OpenError::Store(SimStore::failure()))?;
        app.catch_up(session);
        Ok((cursor, app))
    }

    /// Returns the path used for the folder this time.
    fn name_folder(&mut self) -> PathBuf {
        let (folder, options) = (self.disk.folder(), self.disk.options());
        if !options.is_linked {
            return folder;
        }
        let name = options.folder_name();
        match self.rng.below(4) {
            0 => Path::new(Disk::LINK).join(name),
            // Only on disks that treat the two names as equal.
            1 if options.naming.folds_case => Path::new("/").join(name.to_ascii_uppercase()),
            2 if options.naming.decomposes => Path::new("/").join(name.nfd().collect::<String>()),
            _ => folder,
        }
    }

    /// Returns whether the folder is away but known by its name. Then the session opens anyway and keeps what is
    /// sent.
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
        if self.is_folder_new && self.disk.dirs().contains(&OsString::from(self.author.to_string())) {
            // An installation notes the directory in which it finds its own messages.
            self.home = Home::on(&self.disk.fs(), &self.disk.folder()).ok().flatten().or(self.home);
        }
        let mut options = Options::default();
        options.staging = Some(Disk::STAGING.into());
        options.home = self.home;
        options.fetch_online_only = self.disk.options().fetches;
        options.may_be_away = self.finds(&folder, counts);
        let transport = FsTransport::open_on(self.disk.fs(), &folder, &options);
        let transport = transport.map_err(tempo_fs_transport::InstallationError::from)?;
        let store = self.store.open_store()?;
        let mut components = Components {
            scrub: self.scrub,
            environment: Arc::clone(&self.clock) as Arc<dyn Environment>,
            packing: self.packing,
            relaying: self.relaying,
            snapshot_after: self.snapshot_after,
            verify: self.scheme.verify(),
            identity: Box::new(SimIdentity {
                rng: self.rng.fork(),
                fingerprint: self.fingerprint,
                scheme: self.scheme,
                keys: self.keys.clone(),
                drawn: Keys::default(),
            }),
            ..Components::new(Box::new(transport), store)
        };
        if let Some(attaching) = &self.attaching {
            attaching.add_to(&mut components);
        }
        let (session, mut driver) = Session::assemble(components)?;
        let carried = Carried::of(&mut driver);
        let (cursor, app) = self.resume(&session)?;
        let replica = self.saved.replica(&session);
        self.is_closed = false;
        self.running = Some(Running {
            session,
            driver,
            carried,
            since: self.clock.now(),
            cursor,
            app,
            replica,
            stable_by_few: None,
            stable_until: Lamport::ZERO,
            told_held: BTreeSet::new(),
            restless: 0,
        });
        Ok(())
    }
}

impl Running {
    /// Ends the process. Handles that its application still has are closed with it.
    pub(crate) fn end(self) {
        // Nothing can be waited for any more, and what is not stored by now comes again.
        let _ = self.session.close_within(Duration::ZERO);
    }
}

/// An identity source that draws new authors from a generator, on a machine whose store has this fingerprint.
#[derive(Debug)]
struct SimIdentity {
    rng: Rng,
    fingerprint: Fingerprint,
    scheme: Scheme,
    keys: Keys,
    /// The keys of new authors in the memory of the process, which end with it.
    drawn: Keys,
}

impl IdentitySource for SimIdentity {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Ok(self.drawn.new_author(self.scheme, &mut self.rng))
    }

    fn keep(&mut self, author: AuthorId) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.keys.keep_from(&self.drawn, author);
        Ok(())
    }

    fn signer(&mut self, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn Error + Send + Sync>> {
        Ok(self.keys.signer(author).or_else(|| self.drawn.signer(author)))
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

    /// Returns whether the wall clock has always been right.
    pub(crate) fn is_right(&self) -> bool {
        !self.was_wrong.load(Ordering::Relaxed)
    }

    /// Sets the error of the wall clock, in milliseconds.
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

    fn wait(&self, wakeup: &Wakeup<'_>, until: Duration) {
        waiting::wait(self, wakeup, until);
    }
}
