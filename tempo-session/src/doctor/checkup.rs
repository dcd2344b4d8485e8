//! A look at a session from outside: no thread goes on, nothing is written, nobody joins.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempo_clock::{AuthorId, Seen};
use tempo_fs_transport::{FsTransport, Installation, InstallationError, Options, sync_service};
use tempo_message::{
    Arrival, Budget, CollectError, Digest, Own, PendingReason, PublishError, Report, Taken, Transport, Want,
};
use thiserror::Error;

use super::{Finding, LocalStore, Surroundings, diagnose};
use crate::{
    Attachment, Environment, MessageId, OpenError, Status, SystemEnvironment,
    protocol::{Intake, SessionCore},
    session::{describe, replay},
    store::{Marks, RedbReader, Restored, StoreError},
};

/// What a look at a folder gave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checkup {
    /// How things stand: what the local store knows, and everything in the folder on top of it.
    pub status: Status,
    /// What is known beside that.
    pub surroundings: Surroundings,
}

/// Why no redundant copies were removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TidyError {
    /// The folder or the local state cannot be used, or another process has the store open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// This installation has not written anything in the folder, so nothing there is its own.
    #[error("this installation is no member of the session; nothing in the folder is its own")]
    NotAMember,
    /// The folder cannot be looked at, or is not the session any more.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// A removal failed.
    #[error(transparent)]
    Remove(#[from] PublishError),
}

/// How long files that may be about to become whole are waited for.
const SETTLING: Duration = Duration::from_secs(2);
const BUDGET: Budget = Budget { frames: 1024, bytes: 8 * 1024 * 1024 };
/// Nothing is read with it: it only asks whether this is the folder.
const NOTHING: Budget = Budget { frames: 0, bytes: 0 };

impl Checkup {
    /// What is wrong.
    pub fn findings(&self) -> Vec<Finding> {
        diagnose(&self.status, &self.surroundings)
    }

    /// Looks at everything. What takes longer than `patience` is left out: nobody listens any more.
    pub(crate) fn make(state: Option<&Path>, folder: &Path, patience: Duration) -> Result<Self, OpenError> {
        let environment = SystemEnvironment::default();
        let mut options = Options::default();
        options.read_only = true;
        let mut transport = FsTransport::open(folder, &options).map_err(InstallationError::from)?;
        let Local { me, opened } = Local::read(state, folder)?;
        let store = LocalStore::of(&opened);
        // The store is let go before the folder is looked at, so that nobody has to wait for it.
        let known = opened.ok().flatten().map(|Opened { author, marks, records, .. }| (author, marks, records));
        let own = known.as_ref().map(|(author, marks, _)| Own { author: *author, joined: marks.joined });
        let mut core = SessionCore::new(own.map(|own| own.author));
        let sent = known.map(|(.., records)| replay(&mut core, records)).unwrap_or_default();

        let mut reading = Reading { core, met: Seen::default(), found: BTreeSet::new() };
        let read = reading.read_all(&mut transport, own, &environment, patience);
        let mut status = Status::of_core(&reading.core, own.map(|own| own.author), Arc::new(transport.report()));
        status.attachment = match read {
            Ok(()) => {
                if let Some(own) = own {
                    reading.compare(own.author, &sent, &mut status);
                }
                Attachment::Attached
            }
            Err(error @ CollectError::Detached { .. }) => Attachment::Detached { why: describe(&error) },
            Err(error) => Attachment::Unreadable { why: describe(&error) },
        };
        let surroundings = Surroundings {
            unix_ms: Some(environment.unix_ms()),
            // A folder that cannot be listed has said so already.
            survey: transport.survey().ok(),
            service: sync_service(folder),
            me,
            store,
        };
        Ok(Self { status, surroundings })
    }
}

/// Removes the redundant copies in the own directory. The store is held meanwhile, so that nobody else writes there.
pub(crate) fn remove_redundant(state: Option<&Path>, folder: &Path) -> Result<Vec<String>, TidyError> {
    let transport = FsTransport::open(folder, &Options::default());
    let mut transport = transport.map_err(|error| OpenError::from(InstallationError::from(error)))?;
    let Some(Opened { author, marks, records, reader: _held }) = Local::read(state, folder)?.opened? else {
        return Err(TidyError::NotAMember);
    };
    let mut core = SessionCore::new(Some(author));
    replay(&mut core, records);
    let own = Some(Own { author, joined: marks.joined });
    let want = Want { known: core.seen(), own, recheck: &[], full: false, budget: NOTHING };
    transport.collect(&want, &mut |_| Taken::Later)?;
    Ok(transport.remove_redundant(author)?)
}

/// What the local state says of a folder.
struct Local {
    me: Option<AuthorId>,
    opened: Result<Option<Opened>, OpenError>,
}

/// A store that nobody else writes into while it is held.
struct Opened {
    author: AuthorId,
    marks: Marks,
    records: Vec<Restored>,
    reader: RedbReader,
}

impl Local {
    /// Reads the local state. That of a folder that cannot be used is none.
    fn read(state: Option<&Path>, folder: &Path) -> Result<Self, OpenError> {
        let found = state.map_or_else(Installation::default_state_dir, |state| Ok(PathBuf::from(state)));
        match found.and_then(|state| Installation::find(&state, folder)) {
            Ok(None) => Ok(Self { me: None, opened: Ok(None) }),
            Ok(Some(installation)) => {
                let opened = Opened::open(&installation, folder).map(Some);
                Ok(Self { me: Some(installation.author), opened })
            }
            Err(error @ InstallationError::Folder(_)) => Err(error.into()),
            Err(error) => Ok(Self { me: None, opened: Err(error.into()) }),
        }
    }
}

impl Opened {
    fn open(installation: &Installation, folder: &Path) -> Result<Self, OpenError> {
        let author = installation.author;
        let reader = RedbReader::open(&installation.store(), author).map_err(|error| match error {
            StoreError::InUse { .. } => OpenError::AlreadyOpen {
                folder: folder.to_owned(),
                holder: installation.holder().unwrap_or_else(|| "another process".to_owned()),
            },
            error => error.into(),
        })?;
        let mut records = Vec::new();
        reader.restore(&mut |restored| records.push(restored))?;
        Ok(Self { author, marks: reader.marks()?, records, reader })
    }
}

impl LocalStore {
    fn of(opened: &Result<Option<Opened>, OpenError>) -> Self {
        match opened {
            Ok(_) => Self::Fine,
            Err(OpenError::AlreadyOpen { holder, .. }) => Self::InUse { holder: holder.clone() },
            Err(OpenError::Store(StoreError::Unclean { .. })) => Self::Unclean,
            Err(error) => Self::Unusable { why: describe(error) },
        }
    }
}

/// A pass over everything in a folder.
struct Reading {
    core: SessionCore,
    /// What this pass has met, so that it is not read again. The store may know more, but whether that is still in the
    /// folder is to be found out.
    met: Seen,
    /// Counters and digests of everything by the own author that is there.
    found: BTreeSet<(u64, Digest)>,
}

impl Reading {
    fn read_all(
        &mut self,
        transport: &mut FsTransport,
        own: Option<Own>,
        environment: &SystemEnvironment,
        patience: Duration,
    ) -> Result<(), CollectError> {
        let began = environment.now();
        // Whether this is the folder shows by whom the store knows.
        let known = Arc::clone(self.core.seen());
        let want = Want { known: &known, own, recheck: &[], full: false, budget: NOTHING };
        transport.collect(&want, &mut |_| Taken::Later)?;
        let mut full = true;
        let mut settled = None;
        while environment.now() < began + patience {
            let known = self.met.clone();
            let recheck = self.core.poll_recheck();
            let want = Want { known: &known, own, recheck: &recheck, full, budget: BUDGET };
            let collected = transport.collect(&want, &mut |arrival| self.take(own, &arrival))?;
            full = false;
            while self.core.go_on() {}
            if collected.more {
                continue;
            }
            let end = *settled.get_or_insert_with(|| environment.now() + SETTLING);
            if environment.now() >= end || !is_unsettled(&transport.report()) {
                break;
            }
            transport.wait(end.saturating_sub(environment.now()));
        }
        Ok(())
    }

    fn take(&mut self, own: Option<Own>, arrival: &Arrival) -> Taken {
        let Arrival::Frame(frame) = arrival else { return Taken::Settled };
        let id = frame.id();
        if own.is_some_and(|own| own.author == id.author) {
            self.found.insert((id.counter, frame.digest()));
        }
        match self.core.handle_received(frame.message(), frame.digest()) {
            Intake::Rejected(_) => Taken::Settled,
            Intake::NoRoom => Taken::Later,
            Intake::Accepted | Intake::Held | Intake::Duplicate => {
                self.met.insert(id.author, id.counter);
                Taken::Known
            }
        }
    }

    /// Adds to a status what has become of the own messages in the folder.
    fn compare(&self, author: AuthorId, sent: &BTreeMap<u64, (Digest, u64)>, status: &mut Status) {
        let report = &status.report;
        let elsewhere = report.pending.iter().filter(|it| it.author == Some(author));
        let is_elsewhere =
            |reason: &PendingReason| matches!(reason, PendingReason::OnlineOnly | PendingReason::NotHereYet { .. });
        let elsewhere = elsewhere.filter(|it| is_elsewhere(&it.reason)).filter_map(|it| it.counter);
        let elsewhere: BTreeSet<u64> = elsewhere.collect();
        let is_there =
            |counter: u64, digest: Digest| self.found.contains(&(counter, digest)) || elsewhere.contains(&counter);
        status.unpublished = sent.iter().filter(|&(&counter, &(digest, _))| !is_there(counter, digest)).count();
        let foreign: BTreeSet<&str> = report.foreign.iter().map(|it| it.place.as_str()).collect();
        let is_taken = |counter: &u64| foreign.contains(MessageId { author, counter: *counter }.to_string().as_str());
        status.occupied = sent.keys().copied().filter(is_taken).collect();
    }
}

/// Whether something in the folder may be about to become a message.
fn is_unsettled(report: &Report) -> bool {
    let is_moving = |reason: &PendingReason| {
        matches!(reason, PendingReason::Incomplete { .. } | PendingReason::Changing | PendingReason::Unreadable { .. })
    };
    report.pending.iter().any(|it| is_moving(&it.reason))
}
