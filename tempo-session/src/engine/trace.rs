//! What a session tells a subscriber of `tracing`, with the feature of that name. Without it, nothing of this is compiled.
//!
//! No content of a message is told, and no name of a person. What may hold one, such as a path, is told at the levels
//! `debug` and `trace` only.

#[cfg(feature = "tracing")]
pub(crate) use on::{arrived, event, sent, session, turn};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{arrived, event, sent, session, turn};

#[cfg(feature = "tracing")]
mod on {
    use tempo_clock::AuthorId;
    use tempo_message::MessageId;
    use tracing::{Level, debug, debug_span, info, info_span, span::EnteredSpan, trace_span, warn};

    use crate::engine::event::{Event, FolderState};

    const TARGET: &str = "tempo_session";

    /// The span of all that a session does in its own thread.
    pub(crate) fn session(author: Option<AuthorId>) -> EnteredSpan {
        info_span!(target: TARGET, "session", author = author.map(tracing::field::display)).entered()
    }

    /// The span of one turn of the driver.
    pub(crate) fn turn() -> EnteredSpan {
        trace_span!(target: TARGET, "turn").entered()
    }

    /// Messages are durable.
    pub(crate) fn sent(ids: &[MessageId]) {
        let _span = debug_span!(target: TARGET, "send", messages = ids.len()).entered();
        for id in ids {
            debug!(target: TARGET, %id, "sent");
        }
    }

    /// A message has entered the timeline.
    pub(crate) fn arrived(id: Option<MessageId>, position: usize, is_late: bool) {
        debug!(target: TARGET, id = id.map(tracing::field::display), position, is_late, "message");
    }

    /// Something else has happened.
    pub(crate) fn event(event: &Event) {
        let (level, what) = told(event);
        match level {
            Level::WARN => warn!(target: TARGET, "{what}"),
            Level::INFO => info!(target: TARGET, "{what}"),
            _ => {}
        }
        match event {
            // The names of people stay out of logs.
            Event::Renamed { author, .. } => debug!(target: TARGET, %author, "renamed"),
            Event::Message { .. } => {}
            event => debug!(target: TARGET, ?event, "event"),
        }
    }

    /// Returns the level of an event, and a sentence without any detail.
    fn told(event: &Event) -> (Level, &'static str) {
        match event {
            Event::Folder(FolderState::Attached) => (Level::INFO, "the folder is there"),
            Event::Folder(FolderState::Detached { .. }) => (Level::WARN, "the folder is away"),
            Event::Folder(FolderState::Unreadable { .. }) => (Level::WARN, "the folder cannot be read"),
            Event::Unpublished { .. } => (Level::WARN, "sent messages cannot be put into the folder"),
            Event::NewAuthor { .. } => (Level::WARN, "this member continues as a new author"),
            Event::Fork { .. } => (Level::WARN, "an author is in use on two devices"),
            Event::Rejected { .. } => (Level::WARN, "a message was rejected"),
            Event::GapOpened { .. } => (Level::INFO, "messages are missing"),
            Event::GapClosed { .. } => (Level::INFO, "no message of an author is missing any more"),
            Event::Joined { .. } => (Level::INFO, "a member has joined"),
            Event::Retired { .. } => (Level::INFO, "a member is not waited for any more"),
            Event::Returned { .. } => (Level::INFO, "a member has come back"),
            _ => (Level::DEBUG, ""),
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use tempo_clock::AuthorId;
    use tempo_message::MessageId;

    use crate::engine::event::Event;

    /// A span that is none.
    pub(crate) struct Off;

    pub(crate) fn session(_: Option<AuthorId>) -> Off {
        Off
    }

    pub(crate) fn turn() -> Off {
        Off
    }

    pub(crate) fn sent(_: &[MessageId]) {}

    pub(crate) fn arrived(_: Option<MessageId>, _: usize, _: bool) {}

    pub(crate) fn event(_: &Event) {}
}
