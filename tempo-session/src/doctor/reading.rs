//! A pass over everything in a folder, for the doctor.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tempo_clock::{AuthorId, Seen, union};
use tempo_fs_transport::{FsTransport, Stray};
use tempo_message::{
    Arrival, AttachmentId, Budget, CollectError, CollectRequest, Digest, Disposition, ForeignReason, Frame, Manifest,
    MessageId, Own, PendingReason, Report, Transport, is_signed,
};

use crate::{
    api::status::{Gap, Status},
    core::{
        driving::{Input, Output},
        event::Intake,
        session_core::SessionCore,
        vouching::RUN,
    },
    engine::resume::OwnMessages,
    environment::{Environment, SystemEnvironment},
    store::marks::Marks,
};

const BUDGET: Budget = Budget { frames: 1024, bytes: 8 * 1024 * 1024 };
/// A budget that reads nothing: the collect only checks whether this is the session's folder.
pub(super) const NOTHING: Budget = Budget { frames: 0, bytes: 0 };
/// The longest wait for files that may be about to become whole.
const UNFINISHED: Duration = Duration::from_secs(4);

/// The extent of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// There was no time for more.
    Part,
}

/// A pass over everything in a folder.
pub(super) struct Reading {
    pub(super) core: SessionCore,
    /// The messages that this pass has met, so that it does not read them again. The store may know
    /// more, but the pass has to find out whether those are still in the folder.
    pub(super) met: Seen,
    /// Messages of signed authors that are to be verified together.
    run: Vec<Frame>,
    /// Every message by own authors that is in the folder.
    found: BTreeSet<(MessageId, Digest)>,
    /// The files that messages in the folder name.
    pub(super) described: BTreeMap<AttachmentId, Manifest>,
}

impl Reading {
    pub(super) fn new(core: SessionCore) -> Self {
        let (met, run, found) = (Seen::default(), Vec::new(), BTreeSet::new());
        Self { core, met, run, found, described: BTreeMap::new() }
    }

    pub(super) fn read_all(
        &mut self,
        transport: &mut FsTransport,
        own: Option<Own>,
        environment: &SystemEnvironment,
        patience: Duration,
    ) -> Result<Extent, CollectError> {
        let began = environment.now();
        // The authors that the store knows show whether this is the session's folder.
        let known = Arc::clone(self.core.seen());
        let want = CollectRequest { known: &known, own, recheck: &[], full: false, budget: NOTHING };
        transport.collect(&want, &mut |_| Disposition::Later)?;
        let (mut full, mut recheck) = (true, Vec::new());
        let mut until = None;
        while environment.now() < began + patience {
            let known = self.met.clone();
            let want = CollectRequest { known: &known, own, recheck: &recheck, full, budget: BUDGET };
            let collected = transport.collect(&want, &mut |arrival| self.take(arrival))?;
            self.take_run(!collected.more);
            (full, recheck) = self.looks();
            if collected.more {
                continue;
            }
            let end = *until.get_or_insert_with(|| environment.now() + UNFINISHED);
            if environment.now() >= end || !is_unfinished(&transport.report()) {
                return Ok(Extent::Whole);
            }
            transport.wait(end.saturating_sub(environment.now()));
        }
        Ok(Extent::Part)
    }

    /// Returns what the core asks the next look for: everything, or certain messages.
    fn looks(&mut self) -> (bool, Vec<MessageId>) {
        let (mut full, mut ids) = (false, Vec::new());
        loop {
            match self.core.poll() {
                Output::LookFor(id) => ids.push(id),
                Output::LookAgain => full = true,
                Output::Event(_) | Output::More => {}
                Output::Idle => return (full, ids),
            }
        }
    }

    /// Returns the strays that contain a message that has not been met elsewhere.
    pub(super) fn unmet(&self, mut strays: Vec<Stray>) -> Vec<Stray> {
        for stray in &mut strays {
            stray.messages.retain(|id| !self.met.contains(id.author, id.counter));
        }
        strays.retain(|stray| !stray.messages.is_empty());
        strays
    }

    fn take(&mut self, arrival: Arrival) -> Disposition {
        let frame = match arrival {
            Arrival::Frame(frame) => frame,
            Arrival::Head(head) => {
                self.core.handle(Input::Head(head));
                return Disposition::Done;
            }
            _ => return Disposition::Done,
        };
        let id = frame.id();
        let manifests = frame.message().attachments.iter().map(|attachment| attachment.manifest.clone());
        self.described.extend(manifests.map(|manifest| (manifest.id(), manifest)));
        if self.core.author() == Some(id.author) || self.core.former().contains(&id.author) {
            self.found.insert((id, frame.digest()));
        }
        // Of messages that follow each other only the last one has to be verified.
        if is_signed(id.author) && !self.core.is_outside(&frame) {
            self.run.push(frame);
            if self.run.len() >= RUN {
                self.take_run(false);
            }
            return Disposition::Known;
        }
        let intake = self.core.handle(Input::Received(&frame));
        self.meet(id, intake)
    }

    /// Takes in the messages that wait to be verified together.
    fn take_run(&mut self, is_over: bool) {
        for (frame, intake) in self.core.handle_run(&mut self.run, is_over) {
            self.meet(frame.id(), intake);
        }
    }

    fn meet(&mut self, id: MessageId, intake: Intake) -> Disposition {
        match intake {
            Intake::Rejected(_) | Intake::Unvouched => Disposition::Done,
            Intake::NoRoom => Disposition::Later,
            Intake::Accepted | Intake::Held | Intake::Duplicate => {
                self.met.insert(id.author, id.counter);
                Disposition::Known
            }
        }
    }

    /// Notes what the store knows to be stable, and what is stable by what was read.
    pub(super) fn settle(&mut self, marks: &Marks, unix_ms: i64) {
        let by = marks.stable_by.clone();
        self.core.handle(Input::Stable { until: marks.stable, by });
        if let Some(until) = self.core.reach(unix_ms, None) {
            let by = self.core.who_confirms(until).into_iter().collect();
            self.core.handle(Input::Stable { until, by });
        }
    }

    /// Adds to a status what has become of the own messages in the folder.
    pub(super) fn compare(&self, author: AuthorId, sent: &OwnMessages, status: &mut Status) {
        let report = &status.report;
        let elsewhere = report.pending.iter().filter_map(|it| Some((it.author?, it.item.counters()?, &it.reason)));
        let is_elsewhere = |reason: &PendingReason| {
            use PendingReason::{Changing, InUse, NotHereYet, OnlineOnly, PerhapsOnline};
            matches!(reason, OnlineOnly | PerhapsOnline | NotHereYet { .. } | InUse | Changing)
        };
        let elsewhere = elsewhere.filter(|(.., reason)| is_elsewhere(reason));
        let mut of: BTreeMap<AuthorId, Vec<Gap>> = BTreeMap::new();
        for (author, numbers, _) in elsewhere {
            of.entry(author).or_default().push(numbers);
        }
        let of: BTreeMap<AuthorId, Vec<Gap>> =
            of.into_iter().map(|(author, numbers)| (author, union(numbers))).collect();
        let is_elsewhere = |id: MessageId| {
            let runs = of.get(&id.author).map(Vec::as_slice).unwrap_or_default();
            let after = runs.partition_point(|run| *run.end() < id.counter);
            runs.get(after).is_some_and(|run| run.contains(&id.counter))
        };
        let is_there = |own: &(MessageId, Digest)| self.found.contains(own) || is_elsewhere(own.0);
        status.unpublished = sent.keys().filter(|own| !is_there(own)).count();
        let foreign: BTreeSet<&str> = report.foreign.iter().map(|it| it.place.as_str()).collect();
        let is_taken = |counter: &u64| foreign.contains(MessageId { author, counter: *counter }.to_string().as_str());
        let present = sent.keys().map(|(id, _)| *id).filter(|id| id.author == author);
        status.occupied = present.map(|id| id.counter).filter(is_taken).collect();
    }
}

/// Returns whether something in the folder may be about to become a message. A file that looks
/// damaged may only be incomplete.
fn is_unfinished(report: &Report) -> bool {
    let is_moving = |reason: &PendingReason| {
        matches!(
            reason,
            PendingReason::Incomplete { .. }
                | PendingReason::Changing
                | PendingReason::InUse
                | PendingReason::Unreadable { .. }
        )
    };
    let is_damaged = |reason: &ForeignReason| matches!(reason, ForeignReason::Bad(_) | ForeignReason::BadHead(_));
    report.pending.iter().any(|it| is_moving(&it.reason)) || report.foreign.iter().any(|it| is_damaged(&it.reason))
}
