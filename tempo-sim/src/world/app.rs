//! What the application of a member makes of its events, and keeps across restarts.

use std::{collections::BTreeSet, sync::Arc};

use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, MessageId};
use tempo_session::{
    Entry, Progress, Session,
    error::ReadError,
    replica::{Reducer, Replica, Snapshot},
};

/// An application's state.
#[derive(Debug, Clone, Default)]
pub(crate) struct App {
    /// The timeline, made of the events.
    pub(crate) list: Vec<Entry>,
    pub(crate) delivered: BTreeSet<Digest>,
    /// The greatest logical time that it was shown.
    pub(crate) latest: Lamport,
    /// The ids that were told to be forked.
    pub(crate) forks: BTreeSet<MessageId>,
    /// Own names under which it was shown a message that its store has not sent.
    pub(crate) met_impostors: BTreeSet<AuthorId>,
    /// So many messages were told to be stable.
    pub(crate) stable: usize,
}

/// A state that shows every message and its place.
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

/// What an application has written down, each time together with its progress.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saved {
    states: Vec<(Progress, Arc<App>)>,
    snapshot: Option<Snapshot<Vec<Digest>>>,
}

impl App {
    /// What a process that starts finds out from its session: forks are told once, and stand in the status.
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

    /// The state of a replica is written down by itself.
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

    /// The state that belongs to a progress.
    pub(crate) fn at(&self, progress: &Progress) -> Option<App> {
        let found = self.states.iter().find(|(at, _)| at == progress);
        found.map(|(_, app)| App::clone(app)).or_else(|| (*progress == Progress::default()).then(App::default))
    }
}
