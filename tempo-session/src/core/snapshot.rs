//! The state of a core as bytes from which it can be restored.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, LogicalClock, Seen};
use tempo_message::{AuthorKey, Digest, MessageId, Parent};

use crate::core::{
    files::Files,
    identity::{heads::Answers, retirements::Retirements, successions::Successions},
    order::{
        header::Header,
        ledger::{Ledger, flat::Outline},
        timeline::Timeline,
        tips::Tips,
    },
    session_core::SessionCore,
};

/// The head of a snapshot: its length as four little-endian bytes, then this struct in postcard. The records
/// of all messages follow, then the slots of the timeline in order.
#[derive(Debug, Serialize, Deserialize)]
struct Summary<'a> {
    me: Option<AuthorId>,
    own_last: Option<Parent>,
    ledger: Outline<'a>,
    timeline: u32,
    tips: Cow<'a, Tips>,
    answers: Cow<'a, Answers>,
    seen: Cow<'a, Seen>,
    keys: Cow<'a, BTreeMap<AuthorId, AuthorKey>>,
    successions: Cow<'a, Successions>,
    retirements: Cow<'a, Retirements>,
    files: Cow<'a, Files>,
    held: Vec<Header>,
    impostors: Cow<'a, BTreeSet<(MessageId, Digest)>>,
}

impl SessionCore {
    /// Returns whether the core has every message handed in: none was evicted, and none waits to be judged.
    pub(crate) fn is_whole(&self) -> bool {
        self.accepted.is_empty() && !self.is_partial
    }

    /// Forgets evictions, because every message is about to be handed in again.
    pub(crate) fn begin_again(&mut self) {
        self.is_partial = false;
    }

    /// Appends the state that neither the store nor the folder provides again: no heads, and nothing that the
    /// store's marks contain. This takes about 52 bytes for each message. The core must be
    /// [whole](Self::is_whole).
    pub(crate) fn write_snapshot(&self, out: &mut Vec<u8>) {
        let summary = Summary {
            me: self.identity.me,
            own_last: self.own_last,
            ledger: self.ledger.outline(),
            timeline: u32::try_from(self.timeline.len()).unwrap_or(u32::MAX),
            tips: Cow::Borrowed(&self.tips),
            answers: Cow::Borrowed(self.heads.answers()),
            seen: Cow::Borrowed(&self.seen),
            keys: Cow::Borrowed(&self.vouching.keys),
            successions: Cow::Borrowed(&self.vouching.successions),
            retirements: Cow::Borrowed(&self.retirements),
            files: Cow::Borrowed(&self.files),
            held: self.held.iter().map(|(message, digest)| Header::of(message, digest)).collect(),
            impostors: Cow::Borrowed(&self.identity.impostors),
        };
        // Cannot fail: a vector grows, and postcard can write all of these types.
        let summary = postcard::to_extend(&summary, Vec::new()).unwrap_or_default();
        out.extend_from_slice(&u32::try_from(summary.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&summary);
        self.ledger.write_records(out);
        self.timeline.write(out);
    }

    /// Restores an empty core from a snapshot. Its author is what the member is now. Returns `None` when the bytes
    /// are not a snapshot.
    pub(crate) fn with_snapshot(self, bytes: &[u8]) -> Option<Self> {
        let me = self.identity.me;
        let (len, bytes) = bytes.split_first_chunk()?;
        let (summary, bytes) = bytes.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        let summary: Summary<'_> = postcard::from_bytes(summary).ok()?;
        let (ledger, bytes) = Ledger::read(summary.ledger, bytes)?;
        let mut core = Self { ledger, timeline: Timeline::read(bytes)?, ..self };
        let is_known = core.timeline.iter().all(|&slot| core.ledger.digest(slot).is_some());
        core.shown = core.ledger.count_by_author(core.timeline.iter().copied());
        let is_whole = u32::try_from(core.timeline.len()) == Ok(summary.timeline);
        for author in core.ledger.authors() {
            let latest = core.ledger.latest(author)?.lamport;
            core.clock.observe(latest).ok()?;
            core.stability.raise(author, latest);
        }
        core.tips = summary.tips.into_owned();
        core.heads.resume(summary.answers.into_owned());
        core.seen = Arc::new(summary.seen.into_owned());
        core.vouching.keys = summary.keys.into_owned();
        core.vouching.successions = summary.successions.into_owned();
        core.retirements = summary.retirements.into_owned();
        core.files = summary.files.into_owned();
        for header in summary.held {
            let (message, digest) = header.into_message()?;
            let (_, missing) = core.ledger.causes_of(&message);
            core.vouch(&message, digest);
            core.held.hold(message, digest, &missing);
        }
        // A new author of this installation has sent no messages yet.
        if summary.me == me {
            (core.own_last, core.identity.impostors) = (summary.own_last, summary.impostors.into_owned());
        }
        Some(core).filter(|_| is_known && is_whole)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use tempo_message::{Attachment, Frame, Kind, ManifestHasher, Release};
    use uuid::Uuid;

    use super::*;
    use crate::core::composing::Content;

    /// The number of writers. The last one is a copy of the first one's store.
    const WRITERS: usize = 4;

    fn author(writer: usize) -> AuthorId {
        AuthorId::new(Uuid::from_u128(u128::try_from(writer % (WRITERS - 1)).unwrap() + 1))
    }

    /// The writer, the kind of content, and the other writers whose messages it has all seen by then.
    type Step = (usize, u8, [bool; WRITERS]);

    /// Returns the messages that the writers compose, each with its writer.
    fn written(steps: Vec<Step>) -> Vec<(usize, Frame)> {
        let mut cores: Vec<SessionCore> = (0..WRITERS).map(|writer| SessionCore::new(Some(author(writer)))).collect();
        let mut all: Vec<(usize, Frame)> = Vec::new();
        for (unix_ms, (writer, kind, has_seen)) in (0_i64..).zip(steps) {
            let core = &mut cores[writer];
            for (other, frame) in all.iter().filter(|(other, _)| has_seen[*other] && author(*other) != author(writer)) {
                assert_ne!(other, &writer);
                core.handle_received(frame.message(), frame.digest());
            }
            let content = match kind {
                0 => (Kind::Profile, Bytes::from(format!("number {unix_ms}"))),
                1 => (Kind::Successor, Bytes::copy_from_slice(author(writer + 1).as_bytes())),
                2 => match core.retirement_of(author(writer + 1)) {
                    Some(retirement) => (Kind::Retirement, Bytes::copy_from_slice(&retirement.to_bytes())),
                    None => (Kind::Payload, Bytes::new()),
                },
                5 => (Kind::Release, released().to_bytes().into()),
                _ => (Kind::Payload, Bytes::from(vec![kind; 3])),
            };
            let attachments = if kind == 6 { vec![file(writer)] } else { Vec::new() };
            let content = Content { attachments, ..Content::from(content) };
            // A writer whose own previous message waits for its parents writes nothing.
            for frame in core.compose([content], unix_ms % 7).unwrap_or_default() {
                core.handle_sent(frame.message(), frame.digest());
                all.push((writer, frame));
            }
        }
        all
    }

    /// One of two files.
    fn file(number: usize) -> Attachment {
        let mut hasher = ManifestHasher::new(10);
        hasher.update(&vec![u8::try_from(number % 2).unwrap(); 1500]).unwrap();
        Attachment { manifest: hasher.finish().unwrap(), name: "take".to_owned(), media_type: String::new() }
    }

    fn released() -> Release {
        Release::new([file(0).manifest.id()]).unwrap()
    }

    fn take(core: &mut SessionCore, (writer, frame): &(usize, Frame)) {
        if *writer == 0 {
            core.handle_sent(frame.message(), frame.digest());
        } else {
            core.handle_received(frame.message(), frame.digest());
        }
        while core.go_on() {}
        core.forget_events();
    }

    fn snapshot(core: &SessionCore) -> Vec<u8> {
        let mut bytes = Vec::new();
        core.write_snapshot(&mut bytes);
        bytes
    }

    /// Returns the complete observable state of a core.
    fn known(core: &SessionCore) -> impl PartialEq + std::fmt::Debug + use<> {
        let timeline: Vec<_> =
            core.timeline().iter().map(|&slot| (core.id(slot), core.order(slot), core.number(slot))).collect();
        let (floors, waiting) = (core.stability.clone(), core.held(usize::MAX));
        let retired: Vec<_> = core.retired().into_iter().map(|author| (author, core.retired_by(author))).collect();
        (timeline, floors, waiting, core.latest(), core.conflict(), retired, snapshot(core))
    }

    /// Restores a core from a snapshot, if there is one, and the rest of the log behind it.
    fn resumed(snapshot: Option<&[u8]>, rest: &[(usize, Frame)]) -> SessionCore {
        let read = |bytes| SessionCore::new(Some(author(0))).with_snapshot(bytes).unwrap();
        let mut core = snapshot.map_or_else(|| SessionCore::new(Some(author(0))), read);
        for frame in rest {
            take(&mut core, frame);
        }
        core
    }

    proptest! {
        /// For any order of arrival and any time of the snapshot, a core resumed from the snapshot and the
        /// later messages knows what it would know from the log.
        #[test]
        fn a_snapshot_and_the_rest_of_the_log_equal_the_whole_log(
            steps in prop::collection::vec((0..WRITERS, 0_u8..9, any::<[bool; WRITERS]>()), 1..60),
            order in prop::collection::vec(0_usize..4, 60),
            acts in prop::collection::vec(0_u8..6, 60),
        ) {
            let mut log = written(steps);
            for (at, away) in order.into_iter().enumerate() {
                if at + away < log.len() {
                    log.swap(at, at + away);
                }
            }
            let [mut plain, mut resuming] = [(); 2].map(|()| SessionCore::new(Some(author(0))));
            let (mut last, mut behind) = (None, 0);
            for (number, (frame, act)) in log.iter().zip(acts).enumerate() {
                take(&mut plain, frame);
                take(&mut resuming, frame);
                if act < 2 && resuming.is_whole() {
                    (last, behind) = (Some(snapshot(&resuming)), number + 1);
                }
                if act == 4 && let Some(lost) = log.get(number + 2) {
                    // The log does not have the latest accepted message after a power loss.
                    take(&mut resuming, lost);
                }
                if act >= 4 {
                    resuming = resumed(last.as_deref(), &log[behind..=number]);
                }
            }
            let again = resumed(last.as_deref(), &log[behind..]);
            prop_assert_eq!(known(&resuming), known(&plain));
            prop_assert_eq!(known(&again), known(&plain));
        }

        /// Other bytes are rejected, and no memory is allocated for the sizes that they claim.
        #[test]
        fn other_bytes_are_no_snapshot(at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
            let mut core = SessionCore::new(None);
            for frame in &written((0..9).map(|number| (number % 3, 2, [true; WRITERS])).collect()) {
                take(&mut core, frame);
            }
            let bytes = snapshot(&core);
            prop_assert_eq!(SessionCore::new(None).with_snapshot(&bytes).map(|core| core.end()), Some(9));
            prop_assert!(SessionCore::new(None).with_snapshot(&bytes[..cut.index(bytes.len())]).is_none());
            // A changed byte may be read or rejected, but never causes a panic.
            let mut other = bytes.clone();
            other[at.index(bytes.len())] ^= 0xff;
            let _ = SessionCore::new(None).with_snapshot(&other);
        }
    }
}
