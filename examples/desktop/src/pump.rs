//! The thread that follows a session and tells the page what has changed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::value::RawValue;
use tempo_session::{AuthorId, Entry, Events, MessageId, Session, Status, error::ReadError, replica::Replica};

use crate::{
    ask::Ask,
    desk::Open,
    room::{Room, SHOWN},
    tell::Teller,
    trouble::Trouble,
};

/// The time in which events are gathered, so that a flood of them draws the page a few times in a second.
const GATHER: Duration = Duration::from_millis(40);
/// The time after which the status is compared with the one that was told. No event tells of a published message, of
/// copies in the folder, or of files on their way.
const LOOK: Duration = Duration::from_secs(2);

/// A follower of one session.
pub(crate) struct Pump {
    teller: Teller,
    open: Arc<Open>,
    told_status: String,
    told_seen: SeenBy,
}

/// The members that are known to have each of the messages shown.
type SeenBy = BTreeMap<MessageId, Vec<AuthorId>>;

/// The end of the timeline, from the first changed position on.
#[derive(Debug, Clone, Serialize)]
struct Lines<'a> {
    messages: usize,
    entries: Vec<&'a Entry>,
}

/// How far the timeline was read.
#[derive(Debug, Clone, Serialize)]
struct Loading {
    have: usize,
    of: usize,
}

impl Pump {
    pub(crate) fn new(teller: Teller, open: Arc<Open>) -> Self {
        Self { teller, open, told_status: String::new(), told_seen: SeenBy::new() }
    }

    /// Follows the session until it is closed.
    pub(crate) fn run(mut self) {
        let session = self.open.session.clone();
        let mut events = session.events_from_now();
        let mut lines = session.replica(Room);
        while session.is_open() {
            let done = self.tell_all(&session, &mut lines).and_then(|()| wait(&mut events));
            match done {
                Ok(news) => self.open.ask(news),
                Err(ReadError::Closed) => break,
                Err(error) => {
                    self.teller.tell("trouble", &Trouble::from(error));
                    break;
                }
            }
        }
    }

    fn tell_all(&mut self, session: &Session, lines: &mut Replica<Room>) -> Result<(), ReadError> {
        let status = session.status();
        self.tell_lines(&status, lines)?;
        self.tell_status(&status);
        self.tell_seen(session, lines);
        Ok(())
    }

    /// Tells the changed end of the timeline, or, while it is being read, how far that is.
    fn tell_lines(&mut self, status: &Status, lines: &mut Replica<Room>) -> Result<(), ReadError> {
        let mut from = None;
        while let Some(change) = lines.update()? {
            from = Some(from.map_or(change.from, |from: usize| from.min(change.from)));
            if change.messages < status.messages {
                self.teller.tell("loading", &Loading { have: change.messages, of: status.messages });
                // The next status ends the progress that is shown.
                self.told_status.clear();
            }
        }
        if let Some(from) = from {
            let entries = lines.state().since(from).collect();
            self.teller.tell("lines", &Lines { messages: lines.messages(), entries });
        }
        Ok(())
    }

    fn tell_status(&mut self, status: &Status) {
        let Ok(text) = serde_json::to_string(status) else { return };
        if text != self.told_status
            && let Ok(raw) = RawValue::from_string(text.clone())
        {
            self.teller.tell("status", &raw);
            self.told_status = text;
        }
    }

    fn tell_seen(&mut self, session: &Session, lines: &Replica<Room>) {
        let first = lines.messages().saturating_sub(SHOWN);
        let seen = seen_by(session, lines.state().since(first));
        if seen != self.told_seen {
            self.teller.tell("seen", &seen);
            self.told_seen = seen;
        }
    }
}

/// Returns the members that are known to have each message.
pub(crate) fn seen_by<'a>(session: &Session, entries: impl Iterator<Item = &'a Entry>) -> SeenBy {
    entries.map(|entry| (entry.id, session.seen_by(entry.id))).collect()
}

/// Waits for the next events, at most until it is time for a look. Returns what the clerk is to look at.
fn wait(events: &mut Events) -> Result<Ask, ReadError> {
    let Some(event) = events.next_within(LOOK)? else { return Ok(Ask::default()) };
    let mut ask = Ask::after(&event);
    let end = Instant::now() + GATHER;
    while let Some(event) = events.next_within(end.saturating_duration_since(Instant::now()))? {
        ask = ask.and(Ask::after(&event));
    }
    Ok(ask)
}
