//! What a thief knows and writes: it has a member's store and keys, and the product's own code.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tempo_message::{
    AuthorId, Digest, Frame, Head, Kind, Lamport, Life, Message, MessageId, Parent, Retirement, Statement, Verify,
    is_signed,
};
use tempo_session::core::{Input, Intake, SessionCore};

use super::{check::Placed, signing::Keys};
use crate::Rng;

/// A person with a copy of a member's local state.
#[derive(Debug)]
pub(super) struct Thief {
    pub(super) rng: Rng,
    /// The place of its machine among those of the members.
    pub(super) machine: usize,
    /// The member that was robbed.
    pub(super) victim: usize,
    /// The name in which it writes.
    pub(super) stolen: AuthorId,
    /// An author of its own, which takes the place of `predecessor` by its own account.
    pub(super) alias: AuthorId,
    pub(super) predecessor: AuthorId,
    /// The keys that it has: the victim's, and its own.
    pub(super) keys: Keys,
    /// The messages that were in the stolen store, and those that it has written.
    pub(super) frames: Vec<Frame>,
    /// The hints that were in the folder.
    pub(super) old_heads: Vec<Placed>,
    /// What it has put into the folder, and puts back.
    pub(super) left: Vec<Placed>,
    /// Whether it retires members.
    pub(super) retires: bool,
    /// Whether it has written many messages together.
    pub(super) has_flooded: bool,
    /// How often it still writes something.
    pub(super) acts: u32,
}

impl Thief {
    /// Writes as one of its authors, after some message of that author: mostly the last one, so that the next number is
    /// taken, or an earlier one, so that there are two of a number. `folder` are the messages in its folder.
    pub(super) fn write(
        &mut self,
        author: AuthorId,
        folder: &[Frame],
        verify: &Arc<dyn Verify>,
        now: i64,
    ) -> Option<Vec<Frame>> {
        let known = accepted(self.frames.iter().chain(folder), verify);
        let own: Vec<&Frame> = known.iter().filter(|frame| frame.id().author == author).collect();
        let may_fork = author == self.stolen;
        let tip = match self.rng.below(10) {
            0 if may_fork => None,
            1..4 if may_fork => self.rng.pick(&own).copied(),
            _ => own.iter().copied().max_by_key(|frame| (frame.id().counter, frame.digest())),
        };
        // An early message may claim to know nothing later.
        let until = if may_fork && self.rng.chance(400) { tip.map(|tip| tip.message().lamport) } else { None };
        let core = following(author, tip, &known, until.unwrap_or(Lamport(u64::MAX)), verify);
        let contents = self.contents(author, tip.is_none(), &known);
        let unix_ms = *self.rng.pick(&[now, now, 0, i64::MAX / 2])?;
        let signer = self.keys.signer(author)?;
        let frames = core.compose_signed(contents, unix_ms, Some(signer.as_ref())).ok()?;
        self.frames.extend(frames.iter().cloned());
        Some(frames)
    }

    /// Returns what it writes next. Its own author first takes a member's place.
    fn contents(&mut self, author: AuthorId, is_first: bool, known: &[Frame]) -> Vec<(Kind, Bytes)> {
        let mut contents = Vec::new();
        if author == self.alias && is_first {
            contents.extend(self.succession(author, self.predecessor));
        }
        let authors: Vec<AuthorId> = known.iter().map(|frame| frame.id().author).collect();
        // Of many together not every one is signed. One such flood is enough.
        let is_flood = !self.has_flooded && self.rng.chance(20);
        self.has_flooded |= is_flood;
        let count = if is_flood { 17 } else { 1 + self.rng.below(3) };
        for _ in 0..count {
            let other = self.rng.pick(&authors).copied().unwrap_or(self.stolen);
            let number = self.rng.below(1000);
            let next = match self.rng.below(10) {
                0 => Some((Kind::Profile, Bytes::from(format!("Mallory {number}")))),
                1 if self.retires => {
                    let content =
                        Retirement { author: other, counter: 0, digest: Digest::from_bytes([0; Digest::LEN]) };
                    Some((Kind::Retirement, Bytes::copy_from_slice(&content.to_bytes())))
                }
                2 => self.succession(author, other),
                _ => None,
            };
            contents.push(next.unwrap_or((Kind::Payload, Bytes::from(format!("stolen {number}")))));
        }
        contents
    }

    /// Returns the content by which an author takes another one's place, with a proof by the stolen key or with none.
    fn succession(&mut self, author: AuthorId, former: AuthorId) -> Option<(Kind, Bytes)> {
        let proves = former == self.predecessor || self.rng.chance(500);
        let to = self.keys.signer(author)?.key();
        let proof = self.keys.signer(self.stolen)?.sign(&Statement::succession(&to));
        let proof: &[u8] = if proves { proof.as_bytes() } else { &[] };
        Some((Kind::Successor, [former.as_bytes(), proof].concat().into()))
    }

    /// Spoils a message so that it contradicts its causes, or has one that no member has written, and signs it.
    pub(super) fn spoiled(&mut self, frame: &Frame, known: &[Frame]) -> Option<Frame> {
        let mut message = frame.message().clone();
        if self.rng.chance(500) {
            message.lamport = Lamport(message.lamport.0 + 5);
        } else {
            let other = self.rng.pick(known)?.id().author;
            let invented = Parent { author: other, counter: 900, digest: Digest::of(&self.rng.next().to_le_bytes()) };
            message.parents.retain(|parent| parent.author != other);
            message.parents.push(invented);
            message.parents.sort_unstable();
            message = Message { lamport: Lamport(message.lamport.0 + 900), ..message };
        }
        Frame::sign(&message, self.keys.signer(message.id.author)?.as_ref()).ok()
    }

    /// Returns hints with claims of its own about one of its authors.
    pub(super) fn head(&mut self, author: AuthorId, known: &[Frame], now: i64) -> Option<Head> {
        let own = known.iter().filter(|frame| frame.id().author == author);
        let last = own.max_by_key(|frame| frame.id().counter).map(|frame| (frame.id().counter, frame.digest()));
        let (counter, digest) = last.map_or((0, None), |(counter, digest)| (counter, Some(digest)));
        let others: BTreeSet<AuthorId> = known.iter().map(|frame| frame.id().author).collect();
        let claimed = *self.rng.pick(&[0, 1, 2, 1 << 20])?;
        let mut seen: Vec<_> = others.into_iter().filter(|it| *it != author).map(|it| (it, claimed)).collect();
        if self.rng.chance(100) {
            seen.push((self.keys.new_author(super::Scheme::Toy, &mut self.rng), 5));
        }
        let head = Head {
            author,
            name: Some("Mallory".to_owned()),
            place: None,
            counter: *self.rng.pick(&[counter, counter, counter, counter + 3])?,
            digest: digest.filter(|_| self.rng.chance(800)),
            lamport: Lamport(*self.rng.pick(&[0, 1 << 20, u64::MAX])?),
            seen,
            wanted: Vec::new(),
            life: Life { number: *self.rng.pick(&[0, 1, 1 << 20])?, nonce: self.rng.next() },
            unix_ms: *self.rng.pick(&[now, 0, i64::MAX / 2])?,
            seal: None,
        };
        Some(head.signed(self.keys.signer(author)?.as_ref()))
    }

    /// Returns the pairs of an author and the one whose place it can prove to have taken, as far as that is the thief's
    /// doing: an author of its own, in the place of the stolen one.
    pub(super) fn may_prove(&self, author: AuthorId, former: AuthorId) -> bool {
        !is_signed(former) || (self.keys.signer(author).is_some() && self.keys.signer(former).is_some())
    }
}

/// Returns the messages that are part of a history, after their causes: what anybody finds with the product's rules.
pub(super) fn accepted<'a>(frames: impl Iterator<Item = &'a Frame>, verify: &Arc<dyn Verify>) -> Vec<Frame> {
    let mut all: Vec<Frame> = Vec::new();
    let mut seen = BTreeSet::new();
    all.extend(frames.filter(|frame| seen.insert(frame.digest())).cloned());
    all.sort_by_key(|frame| (frame.message().lamport, frame.id(), frame.digest()));
    let mut reader = SessionCore::verifying(None, Arc::clone(verify));
    let taken = reader.handle_all(all).into_iter();
    taken.filter(|(_, intake)| *intake == Intake::Accepted).map(|(frame, _)| frame).collect()
}

/// Returns a core that continues as an author after `tip`, as if it had written that and everything before it. Of others it
/// knows what they had written until some time.
fn following(
    author: AuthorId,
    tip: Option<&Frame>,
    known: &[Frame],
    until: Lamport,
    verify: &Arc<dyn Verify>,
) -> SessionCore {
    let mut line = BTreeSet::new();
    let mut next = tip.map(Frame::digest);
    while let Some(digest) = next.take().filter(|digest| line.insert(*digest)) {
        next = known.iter().find(|frame| frame.digest() == digest).and_then(|frame| frame.message().previous);
    }
    let mut core = SessionCore::verifying(Some(author), Arc::clone(verify));
    for frame in known {
        let (message, digest) = (frame.message(), frame.digest());
        if message.id.author != author {
            if message.lamport <= until {
                core.handle(Input::Stored { message, digest });
            }
        } else if line.contains(&digest) {
            core.handle(Input::Sent { message, digest });
        }
    }
    core
}

/// Returns the numbers of some messages, for the name of their file.
pub(super) fn span(frames: &[Frame]) -> Option<(MessageId, MessageId)> {
    Some((frames.first()?.id(), frames.last()?.id()))
}
