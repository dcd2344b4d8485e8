//! What a core knows, as bytes from which it can be made again.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, LogicalClock, Seen};
use tempo_message::{Digest, MessageId, Parent};

use crate::core::{
    identity::heads::Answers,
    order::{
        header::Header,
        ledger::{Ledger, flat::Outline},
        timeline::Timeline,
        tips::Tips,
    },
    session_core::SessionCore,
};

/// A snapshot begins with the length of this as four bytes, least first, and this in postcard. The records of all messages
/// follow, and the slots of the timeline in order.
#[derive(Debug, Serialize, Deserialize)]
struct Summary<'a> {
    me: Option<AuthorId>,
    own_last: Option<Parent>,
    ledger: Outline<'a>,
    timeline: u32,
    tips: Cow<'a, Tips>,
    answers: Cow<'a, Answers>,
    seen: Cow<'a, Seen>,
    held: Vec<Header>,
    impostors: Cow<'a, BTreeSet<(MessageId, Digest)>>,
}

impl SessionCore {
    /// Whether everything that was handed in is here: nothing had to give way, and nothing waits to be judged.
    pub(crate) fn is_whole(&self) -> bool {
        self.accepted.is_empty() && !self.is_partial
    }

    /// Forgets that something had to give way: everything that was ever handed in is handed in once more.
    pub(crate) fn begin_again(&mut self) {
        self.is_partial = false;
    }

    /// Appends everything that this core knows and that no store or folder tells again: not heads, and nothing that a
    /// store's marks have. Takes some 52 bytes a message. The core must be [whole](Self::is_whole).
    pub(crate) fn write_snapshot(&self, out: &mut Vec<u8>) {
        let summary = Summary {
            me: self.identity.me,
            own_last: self.own_last,
            ledger: self.ledger.outline(),
            timeline: u32::try_from(self.timeline.len()).unwrap_or(u32::MAX),
            tips: Cow::Borrowed(&self.tips),
            answers: Cow::Borrowed(self.heads.answers()),
            seen: Cow::Borrowed(&self.seen),
            held: self.held.iter().map(|(message, digest)| Header::of(message, digest)).collect(),
            impostors: Cow::Borrowed(&self.identity.impostors),
        };
        // Into a vector, and of types that all can be written.
        let summary = postcard::to_extend(&summary, Vec::new()).unwrap_or_default();
        out.extend_from_slice(&u32::try_from(summary.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&summary);
        self.ledger.write_records(out);
        self.timeline.write(out);
    }

    /// Makes a core from a snapshot, for a member that is this author now. `None` when the bytes are not a snapshot.
    pub(crate) fn read_snapshot(bytes: &[u8], me: Option<AuthorId>) -> Option<Self> {
        let (len, bytes) = bytes.split_first_chunk()?;
        let (summary, bytes) = bytes.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        let summary: Summary<'_> = postcard::from_bytes(summary).ok()?;
        let (ledger, bytes) = Ledger::read(summary.ledger, bytes)?;
        let mut core = Self { ledger, timeline: Timeline::read(bytes)?, ..Self::new(me) };
        let is_known = core.timeline.iter().all(|&slot| core.ledger.digest(slot).is_some());
        let is_whole = u32::try_from(core.timeline.len()) == Ok(summary.timeline);
        for author in core.ledger.authors() {
            let latest = core.ledger.latest(author)?.lamport;
            core.clock.observe(latest);
            core.stability.raise(author, latest);
        }
        core.tips = summary.tips.into_owned();
        core.heads.resume(summary.answers.into_owned());
        core.seen = Arc::new(summary.seen.into_owned());
        for header in summary.held {
            let (message, digest) = header.into_message()?;
            let (_, missing) = core.ledger.causes_of(&message);
            core.held.hold(message, digest, &missing);
        }
        // A new author of the same installation has sent nothing yet.
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
    use tempo_message::{Frame, Kind};
    use uuid::Uuid;

    use super::*;

    /// Of four that write, the last one is a copy of the first one's store.
    const WRITERS: usize = 4;

    fn author(writer: usize) -> AuthorId {
        AuthorId::new(Uuid::from_u128(u128::try_from(writer % (WRITERS - 1)).unwrap() + 1))
    }

    /// Who writes, what it is, and of which other writers it has seen everything until then.
    type Step = (usize, u8, [bool; WRITERS]);

    /// What they write, and who has written it.
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
                _ => (Kind::Payload, Bytes::from(vec![kind; 3])),
            };
            // Whoever waits for what it was not told of writes nothing.
            for frame in core.compose([content], unix_ms % 7).unwrap_or_default() {
                core.handle_sent(frame.message(), frame.digest());
                all.push((writer, frame));
            }
        }
        all
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

    /// Everything that can be asked of a core.
    fn known(core: &SessionCore) -> impl PartialEq + std::fmt::Debug + use<> {
        let timeline: Vec<_> =
            core.timeline().iter().map(|&slot| (core.id(slot), core.order(slot), core.number(slot))).collect();
        let (floors, waiting) = (core.stability.clone(), core.held(usize::MAX));
        (timeline, floors, waiting, core.latest(), core.conflict(), snapshot(core))
    }

    /// A core from a snapshot, if there is one, and what the log has behind it.
    fn resumed(snapshot: Option<&[u8]>, rest: &[(usize, Frame)]) -> SessionCore {
        let read = |bytes| SessionCore::read_snapshot(bytes, Some(author(0))).unwrap();
        let mut core = snapshot.map_or_else(|| SessionCore::new(Some(author(0))), read);
        for frame in rest {
            take(&mut core, frame);
        }
        core
    }

    proptest! {
        /// Whatever arrives in whatever order, and whenever a snapshot is made: who goes on from it, with what has come since,
        /// knows what it would know from the log.
        #[test]
        fn a_snapshot_and_the_rest_of_the_log_are_as_good_as_the_log(
            steps in prop::collection::vec((0..WRITERS, 0_u8..6, any::<[bool; WRITERS]>()), 1..60),
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
                    // What has been accepted last is not in the log after a loss of power.
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

        /// Bytes that are not a snapshot are refused, whatever they are; nothing is allocated for what they claim.
        #[test]
        fn nothing_else_is_taken_for_a_snapshot(at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
            let mut core = SessionCore::new(None);
            for frame in &written((0..9).map(|number| (number % 3, 2, [true; WRITERS])).collect()) {
                take(&mut core, frame);
            }
            let bytes = snapshot(&core);
            prop_assert_eq!(SessionCore::read_snapshot(&bytes, None).map(|core| core.end()), Some(9));
            prop_assert!(SessionCore::read_snapshot(&bytes[..cut.index(bytes.len())], None).is_none());
            // With any other byte it is refused or read, and never a panic.
            let mut other = bytes.clone();
            other[at.index(bytes.len())] ^= 0xff;
            let _ = SessionCore::read_snapshot(&other, None);
        }
    }
}
