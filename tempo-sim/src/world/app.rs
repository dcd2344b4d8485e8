//! The state that a member's application builds from its events and keeps across restarts.

use std::{collections::BTreeSet, sync::Arc};

use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, MessageId};
use tempo_session::{
    Entry, Progress, Session,
    error::ReadError,
    replica::{Reducer, Replica, Snapshot},
};

/// The state of an application.
#[derive(Debug, Clone, Default)]
pub(crate) struct App {
    /// The timeline, built from the events.
    pub(crate) list: Vec<Entry>,
    pub(crate) delivered: BTreeSet<Digest>,
    /// The greatest logical time that the application was shown.
    pub(crate) latest: Lamport,
    /// The ids that were reported as forked.
    pub(crate) forks: BTreeSet<MessageId>,
    /// Own authors under which the application was shown a message that its store has not sent.
    pub(crate) met_impostors: BTreeSet<AuthorId>,
    /// The number of messages that were reported as stable.
    pub(crate) stable: usize,
}

/// A reducer whose state shows every message and its position.
#[derive(Debug)]
pub(crate) struct Digests;

impl Reducer for Digests {
    type State = Vec<Digest>;

    fn initial(&self) -> Vec<Digest> {
        Vec::new()
    }

    fn apply(&self, digests: &mut Vec<Digest>, entry: &Entry) {
        digests.push(entry.digest);
    }
}

/// The data that an application has saved, each state together with its progress.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saved {
    states: Vec<(Progress, Arc<App>)>,
    snapshot: Option<Snapshot<Vec<Digest>>>,
}

impl App {
    /// Reads what a starting process learns from its session: forks are announced once and remain in the status.
    pub(crate) fn catch_up(&mut self, session: &Session) {
        for member in session.status().members {
            let forked = |counter: u64| MessageId { author: member.author, counter };
            self.forks.extend(member.forks.iter().copied().map(forked));
        }
    }
}

impl Saved {
    pub(crate) fn save(&mut self, progress: Progress, app: &App) {
        self.states.retain(|(earlier, _)| *earlier != progress);
        self.states.push((progress, Arc::new(app.clone())));
    }

    /// Saves the state of a replica separately.
    pub(crate) fn save_replica(&mut self, replica: &mut Replica<Digests>) -> Result<(), ReadError> {
        self.snapshot = Some(replica.snapshot()?);
        Ok(())
    }

    pub(crate) fn replica(&self, session: &Session) -> Replica<Digests> {
        match self.snapshot.clone() {
            Some(snapshot) => session.replica_after(Digests, snapshot),
            None => session.replica(Digests),
        }
    }

    /// Returns the state that belongs to a progress.
    pub(crate) fn at(&self, progress: &Progress) -> Option<App> {
        let found = self.states.iter().find(|(at, _)| at == progress);
        found.map(|(_, app)| App::clone(app)).or_else(|| (*progress == Progress::default()).then(App::default))
    }
}
