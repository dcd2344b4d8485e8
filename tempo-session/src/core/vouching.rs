//! Vouching: which messages of signed authors are proven to be theirs.
//!
//! A message of a signed author is vouched for when its signature holds, or when a vouched-for message of the author
//! names its digest as the previous one. The first message, which carries the key, must be signed itself. All other
//! messages of the author are unproven. They wait outside of the history, and a bad signature rejects nothing. So the history
//! depends only on the frames that are here, not on the order in which they arrive.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use tempo_clock::AuthorId;
use tempo_message::{AuthorKey, Digest, Frame, Head, Message, MessageId, Signature, is_signed, planted};

use crate::core::{
    event::Intake,
    identity::vouching::Vouching,
    session_core::{SessionCore, without_payload},
};

/// The most messages that are gathered to be handled together.
pub(crate) const RUN: usize = 1024;
/// With more messages to look for again, everything is looked at again.
const LOOKS: usize = 256;
/// The most authors of forged heads that are remembered.
const FORGED: usize = 256;

impl SessionCore {
    /// Handles messages that arrived together, and returns the outcome of each. Of messages that follow each other
    /// only the last one is verified, so this is faster than to handle them one by one.
    pub fn handle_all(&mut self, mut frames: Vec<Frame>) -> Vec<(Frame, Intake)> {
        self.handle_run(&mut frames, true)
    }

    /// Handles those of the messages that are proven by now, and leaves the others for the next call, in which a proof
    /// may follow. With `is_over` none does, and all are handled.
    pub(crate) fn handle_run(&mut self, run: &mut Vec<Frame>, is_over: bool) -> Vec<(Frame, Intake)> {
        let (proven, mut left, mut handled) = (self.proven(run), Vec::new(), Vec::new());
        for (frame, is_proven) in mem::take(run).into_iter().zip(proven) {
            if is_proven || is_over {
                let intake = self.handle_frame(&frame, is_proven);
                handled.push((frame, intake));
            } else {
                left.push(frame);
            }
        }
        if left.len() >= RUN {
            // No proof has come for many: they are not verified each time again.
            handled.extend(left.into_iter().map(|frame| {
                let intake = self.handle_frame(&frame, false);
                (frame, intake)
            }));
        } else {
            *run = left;
        }
        handled
    }

    /// Returns whether each message is proven, by its signature or by a later one among them.
    pub(crate) fn proven(&self, frames: &[Frame]) -> Vec<bool> {
        let Vouching { keys, .. } = &self.vouching;
        let first = |frame: &Frame| {
            let (author, key) = (frame.id().author, frame.message().key?);
            (!keys.contains_key(&author)).then_some((author, key))
        };
        // The author's uuid is the hash of the key, so the key is right even in a forged message.
        let new: BTreeMap<AuthorId, AuthorKey> = frames.iter().filter_map(first).collect();
        let mut named: BTreeSet<(MessageId, Digest)> = BTreeSet::new();
        let mut proven = vec![false; frames.len()];
        for (frame, is_proven) in frames.iter().zip(&mut proven).rev() {
            let (message, author) = (frame.message(), frame.id().author);
            let is_named = named.contains(&(message.id, frame.digest()));
            let key = keys.get(&author).or_else(|| new.get(&author));
            *is_proven = match &message.key {
                _ if self.is_here(message.id, frame.digest()) => true,
                Some(key) => self.vouching.holds(frame, key),
                None => is_named || key.is_some_and(|key| self.vouching.holds(frame, key)),
            };
            if *is_proven {
                named.extend(message.previous.map(|previous| (before(message.id), previous)));
            }
        }
        if planted!(FirstOfRunVerified) {
            let mut begun = BTreeSet::new();
            for (frame, is_proven) in frames.iter().zip(&mut proven) {
                *is_proven |= begun.contains(&frame.id().author);
                begun.extend(is_proven.then_some(frame.id().author));
            }
        }
        proven
    }

    /// Handles a message, which may be proven by itself or by those that arrived with it.
    pub(crate) fn handle_frame(&mut self, frame: &Frame, is_proven: bool) -> Intake {
        let (message, digest) = (frame.message(), frame.digest());
        let is_vouched = !is_signed(message.id.author) || is_proven || self.vouching.is_named(message.id, digest);
        if is_vouched {
            return self.handle_received(message, digest);
        }
        if self.is_here(message.id, digest) {
            return Intake::Duplicate;
        }
        if planted!(BadSignatureRejects) {
            // Whatever has this id is never looked at again.
            Arc::make_mut(&mut self.seen).insert(message.id.author, message.id.counter);
            return Intake::Duplicate;
        }
        self.vouching.wait(without_payload(message.clone()), digest);
        Intake::Unvouched
    }

    /// Notes the proofs in a vouched-for message: of its author's key, and of the messages before it.
    pub(crate) fn vouch(&mut self, message: &Message, digest: Digest) {
        let id = message.id;
        // This was done when it came for the first time.
        if !is_signed(id.author) || self.is_here(id, digest) || self.rejected.contains_key(&digest) {
            return;
        }
        let vouching = &mut self.vouching;
        vouching.forget(id, digest);
        if let Some(key) = message.key
            && vouching.keys.insert(id.author, key).is_none()
        {
            vouching.is_to_look |= vouching.is_cut;
            let again: Vec<MessageId> = vouching.waiting_of(id.author).take(LOOKS + 1).collect();
            let Vouching { verify, keys, successions, .. } = vouching;
            successions.learn(id.author, keys, verify.as_ref());
            self.look_again(again);
        }
        let last = before(id);
        if let Some(previous) = message.previous.filter(|&previous| !self.is_here(last, previous)) {
            let again = self.vouching.name(last, previous);
            self.look_again(again);
        }
    }

    fn look_again(&mut self, ids: Vec<MessageId>) {
        if ids.len() > LOOKS {
            self.vouching.is_to_look = true;
        } else {
            self.suspects.extend(ids);
        }
    }

    /// Notes the proof of an author that a former one has given it its place.
    pub(crate) fn note_succession(&mut self, author: AuthorId, former: AuthorId, proof: Signature) {
        let Vouching { verify, keys, successions, .. } = &mut self.vouching;
        successions.note((author, former), proof, keys, verify.as_ref());
    }

    /// Returns whether an author has proven that it has taken the place of `former`. For an author that does not sign
    /// there is no proof, so the successor's word counts.
    pub(crate) fn has_proven(&self, author: AuthorId, former: AuthorId) -> bool {
        !is_signed(former) || self.vouching.successions.has(author, former)
    }

    /// Returns the authors whose place another one has taken for certain.
    pub(crate) fn proven_former(&self) -> impl Iterator<Item = AuthorId> + '_ {
        let proven = self.ledger.claims().filter(|&(author, former, _)| self.has_proven(author, former));
        proven.map(|(_, former, _)| former)
    }

    /// Returns whether a head counts: whether a signed author has signed it.
    pub(crate) fn is_own_word(&mut self, head: &Head) -> bool {
        let author = head.author;
        let is_own = !is_signed(author) || head.is_proven(self.vouching.verify.as_ref()) || planted!(HeadUnsigned);
        if !is_own && self.vouching.forged_heads.len() < FORGED {
            self.vouching.forged_heads.insert(author);
        }
        is_own
    }

    /// Returns the signed authors with a head that they have not signed.
    pub(crate) fn forged_heads(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.vouching.forged_heads.iter().copied()
    }

    /// Returns the messages that are forged, or lack the message that vouches for them.
    pub fn unvouched(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.vouching.unvouched()
    }

    /// Returns whether a message was handed in before and is not in the history: it is unproven, or it was rejected.
    /// Once some of these are forgotten, any message may be one.
    pub(crate) fn is_outside(&self, frame: &Frame) -> bool {
        let (id, digest) = (frame.id(), frame.digest());
        self.vouching.is_cut || self.vouching.is_waiting(id, digest) || self.rejected.contains_key(&digest)
    }
}

/// Returns the id of an author's message before this one.
fn before(id: MessageId) -> MessageId {
    MessageId { counter: id.counter.saturating_sub(1), ..id }
}
