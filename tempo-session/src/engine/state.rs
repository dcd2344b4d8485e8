//! Everything that a session knows while it runs, in parts that each own their state.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Arrival, Disposition, Frame, Kind, MessageId, PublishError, Report, planted};

use crate::{
    core::{
        driving::{Input, Output},
        event::{CoreEvent, Intake},
        packing::PackStats,
        session_core::SessionCore,
    },
    engine::{
        event::{Event, FolderState},
        feed::{Feed, Item},
        files::Files,
        heard::Heard,
        lifecycle::Lifecycle,
        notices::Notices,
        outbox::Outbox,
        refresh::Refresh,
        relayed::{RelayError, Relayed},
        request::Request,
        resume::{OwnMessages, Resumed},
        snapshots::Snapshots,
        trace,
        unsaved::Unsaved,
    },
    store::{
        contract::{Origin, Record},
        marks::Marks,
    },
};

/// The state behind the session's lock. The lock guarantees that all parts describe one moment:
///
/// 1. Every message that the core has accepted or holds is in the store or in `unsaved`.
/// 2. `marks` equals what the store has noted, or what the one thread that holds the writer is
///    noting.
/// 3. An event of the feed is true for a reader that reads the core under the same lock, or it was
///    true and something has changed since.
/// 4. An own message that is not known to be in the folder is in `outbox`, or in `own` until the
///    driver takes that.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) core: SessionCore,
    pub(crate) marks: Marks,
    pub(crate) unsaved: Unsaved,
    pub(crate) snapshots: Snapshots,
    /// The messages that the installation has looked after in earlier lives, until the driver
    /// compares the folder with them.
    pub(crate) own: Option<OwnMessages>,
    pub(crate) outbox: Outbox,
    pub(crate) feed: Feed,
    notices: Notices,
    pub(crate) heard: Heard,
    pub(crate) refresh: Refresh,
    /// The core's requests for the next look at the folder.
    pub(crate) looks: Looks,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) packing: Request<ByHand, Result<PackStats, PublishError>>,
    pub(crate) relaying: Request<AuthorId, Result<Relayed, RelayError>>,
    pub(crate) files: Files,
    /// The names of the cursors in use.
    pub(crate) cursors: BTreeSet<String>,
    pub(crate) folder: FolderState,
    pub(crate) report: Arc<Report>,
    /// The display name that the member wants, until it has announced it.
    pub(crate) name: Option<String>,
    /// Something was accepted, held or hinted at since the last attempt to determine what is
    /// stable.
    pub(crate) may_become_stable: bool,
    /// The folder has been compared with what was sent in earlier lives.
    pub(crate) is_audited: bool,
    /// A head of this life may have been left.
    pub(crate) is_alive: bool,
    /// The reason why the last attempt to leave a head failed.
    pub(crate) head_error: Option<String>,
    /// The reason why the last attempt to store what was received failed.
    pub(crate) store_error: Option<String>,
}

/// Files to look at again although they are known.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    pub(crate) ids: BTreeSet<MessageId>,
    /// Look at everything.
    pub(crate) at_all: bool,
}

impl Looks {
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty() && !self.at_all
    }
}

/// The variants of packing by hand. Automatic packing keeps the latest messages in their own files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByHand {
    /// Everything is packed; files are removed when their time is over.
    Packed,
    /// Files are removed at once.
    AtOnce,
}

impl State {
    /// Creates the state of a session that begins.
    pub(crate) fn new(resumed: Resumed, marks: Marks, refresh: Refresh, name: Option<String>) -> Self {
        let Resumed { core, own, snapshots } = resumed;
        // A lazily published file may look right but hold zeros after a power loss, so it is read
        // and synced once.
        let audited = |author| marks.own.iter().find(|own| own.author == author).map_or(0, |own| own.audited);
        let mut outbox = Outbox::default();
        let is_doubtful = |id: &MessageId| id.counter > audited(id.author) && !planted!(AuditByLength);
        outbox.extend(own.keys().filter(|(id, _)| is_doubtful(id)).copied());
        let mut state = Self {
            core,
            unsaved: Unsaved::default(),
            snapshots,
            own: Some(own),
            outbox,
            feed: Feed::default(),
            notices: Notices::default(),
            heard: Heard::default(),
            refresh,
            looks: Looks::default(),
            lifecycle: Lifecycle::default(),
            packing: Request::default(),
            relaying: Request::default(),
            files: Files::default(),
            cursors: BTreeSet::new(),
            folder: FolderState::Unknown,
            report: Arc::default(),
            name,
            may_become_stable: true,
            is_audited: false,
            is_alive: false,
            head_error: None,
            store_error: None,
            marks,
        };
        let (until, by) = (state.marks.stable, state.marks.stable_by.clone());
        state.core.handle(Input::Stable { until, by });
        state
    }

    /// Takes in an arrival. The next commit stores it.
    pub(crate) fn take(&mut self, arrival: Arrival) -> Disposition {
        let taken = self.take_in(arrival);
        self.take_outputs();
        taken
    }

    fn take_in(&mut self, arrival: Arrival) -> Disposition {
        match arrival {
            Arrival::Frame(frame) => {
                let intake = self.core.handle(Input::Received(&frame));
                self.keep(frame, intake)
            }
            Arrival::Head(head) => {
                let author = head.author;
                if self.core.handle(Input::Head(head)) == Intake::Accepted {
                    self.hear(author);
                    self.may_become_stable = true;
                    if Some(author) != self.core.author() {
                        self.tell(Event::Receipt { author });
                    }
                }
                Disposition::Done
            }
            Arrival::Foreign(foreign) => {
                self.tell(Event::Foreign(foreign));
                Disposition::Done
            }
            _ => Disposition::Done,
        }
    }

    /// Takes in those of the messages that are proven by now. The others stay, unless the run is over.
    pub(crate) fn take_run(&mut self, run: &mut Vec<Frame>, is_over: bool) {
        for (frame, intake) in self.core.handle_run(run, is_over) {
            self.keep(frame, intake);
        }
        self.take_outputs();
    }

    /// Keeps what the core has taken in.
    fn keep(&mut self, frame: Frame, intake: Intake) -> Disposition {
        match intake {
            Intake::Accepted | Intake::Held if planted!(ReceivedNotKept) => Disposition::Known,
            Intake::Accepted | Intake::Held => {
                self.hear(frame.id().author);
                if self.core.is_own(frame.id().author) {
                    self.snapshots.note(&frame, Origin::Received);
                }
                self.unsaved.push(Record { frame, origin: Origin::Received });
                self.may_become_stable = true;
                Disposition::Known
            }
            Intake::Duplicate => Disposition::Known,
            // The core asks for it when something proves it.
            Intake::Rejected(_) | Intake::Unvouched => Disposition::Done,
            Intake::NoRoom => Disposition::Later,
        }
    }

    /// Notes that something new has come from an author. An author of this installation does not
    /// count: that is no sign of life.
    fn hear(&mut self, author: AuthorId) {
        if !self.core.is_own(author) {
            self.heard.hear(author);
        }
    }

    /// Puts an event into the feed.
    pub(crate) fn tell(&mut self, event: Event) {
        trace::event(&event);
        self.feed.push(Item::Other(event));
    }

    /// Puts the core's events into the feed, and notes what it asks for. Returns whether there is
    /// more; other threads may have the lock first.
    pub(crate) fn take_outputs(&mut self) -> bool {
        loop {
            let event = match self.core.poll() {
                Output::Event(event) => event,
                Output::LookFor(id) => {
                    self.looks.ids.insert(id);
                    continue;
                }
                Output::LookAgain => {
                    self.looks.at_all = true;
                    continue;
                }
                more => return more == Output::More,
            };
            let event = match event {
                CoreEvent::Message { slot, position, is_late } => {
                    trace::arrived(self.core.id(slot), position, is_late);
                    self.feed.push(Item::Message { slot, position, is_late });
                    continue;
                }
                CoreEvent::Answered { author } => Event::Receipt { author },
                CoreEvent::Joined { author } => Event::Joined { author },
                CoreEvent::Renamed { author } => {
                    let name = self.core.name(author).unwrap_or_default().to_owned();
                    Event::Renamed { author, name }
                }
                CoreEvent::Succeeded { author } => match self.core.former_of(author) {
                    Some(former) => Event::Succeeded { author, former },
                    None => continue,
                },
                CoreEvent::Retired { author, by } => Event::Retired { author, by: by.author },
                CoreEvent::Returned { author } => Event::Returned { author },
                CoreEvent::FileReleased { author, id } => Event::FileReleased { author, id },
                CoreEvent::Fork { id } => Event::Fork { id },
                CoreEvent::Rejected { id, digest, why } => Event::Rejected { id, digest, why },
            };
            self.tell(event);
        }
    }

    /// Reports what has changed since the last call.
    pub(crate) fn notice(&mut self, unix_ms: i64, idle: Option<Duration>) {
        for event in self.notices.step(&self.core, unix_ms, idle) {
            self.tell(event);
        }
    }

    /// Notes whether the folder is there.
    pub(crate) fn note_folder(&mut self, folder: FolderState) {
        if self.folder != folder {
            self.folder = folder.clone();
            self.tell(Event::Folder(folder));
        }
    }

    /// Notes the result of publishing.
    pub(crate) fn note_publishing(&mut self, error: Option<&PublishError>) {
        if let Some(why) = self.outbox.note(error) {
            self.tell(Event::Unpublished { why });
        }
    }

    /// Returns the messages to send before any other: whose place a new author takes, and the
    /// member's name if it is not known.
    pub(crate) fn introduction(&self) -> Vec<(Kind, Bytes)> {
        let mut introduction = self.core.introduction();
        if let Some(name) = &self.name {
            // A new author inherits the name of the former one.
            let inherited = introduction.iter().find(|(kind, _)| *kind == Kind::Profile).map(|(_, name)| name.as_ref());
            let known = self.core.author().and_then(|author| self.core.name(author)).map(str::as_bytes);
            if inherited.or(known) != Some(name.as_bytes()) {
                introduction.push((Kind::Profile, Bytes::copy_from_slice(name.as_bytes())));
            }
        }
        introduction
    }
}
