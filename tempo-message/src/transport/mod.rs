//! How frames travel.

#[cfg(feature = "std")]
pub(crate) mod memory;
pub(crate) mod report;

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::{error::Error, fmt, task::Waker, time::Duration};

use tempo_clock::{AuthorId, Seen};
use thiserror::Error;

use self::report::{Foreign, Report};
use crate::{
    codec::{frame::Frame, pack::Pack},
    head::Head,
    id::MessageId,
};

/// A place where authors leave frames for each other: a folder, a memory, an object store.
///
/// A transport neither orders nor trusts. It keeps every frame it was given, hands up every frame that lies there, as
/// often as it is asked to, in any order, and says what else it found. Ordering, holding and remembering is the
/// session's work.
///
/// # Contract
///
/// Each clause has a test of the same number in [`conformance`](crate::conformance); "members" are transports that
/// share one place.
///
/// 1. **Carries.** What one member publishes, every other collects, byte for byte.
/// 2. **Create-only.** Publishing other bytes under a published id is [`Published::Beside`]: the first bytes stay, and
///    both frames are collected.
/// 3. **Idempotent.** Publishing equal bytes again succeeds and changes nothing.
/// 4. **Skips what is known.** A frame whose id is in [`Want::known`] is not handed up.
/// 5. **In counter order.** Within one collect an author's frames come with ascending counters.
/// 6. **Bounded.** A collect takes no more frames than its budget, and says when there is more.
/// 7. **Fair.** When the budget is short, every author that has something gets its turn.
/// 8. **Later means again.** A frame taken as [`Taken::Later`] is handed up again, by the next collect that
///    has nothing else to do.
/// 9. **Settled means once.** A frame taken as [`Taken::Settled`] is not handed up again while it stays unchanged,
///    except by clause 12 or a [full](Want::full) collect.
/// 10. **Gaps do not matter.** Missing counters hold back nothing.
/// 11. **Own frames too.** A member collects its own frames like those of others, unless known; later ones perhaps
///     not at once, because it has no need of them.
/// 12. **Looks again on request.** The ids in [`Want::recheck`] are handed up although known or settled.
/// 13. **Inventory.** [`inventory`](Self::inventory) names exactly the counters published for an author, with lengths.
/// 14. **Waits no longer than told.** [`wait`](Self::wait) returns at the latest after its timeout.
/// 15. **Wakes.** The [`waker`](Self::waker) ends a wait from any thread; woken before the wait, it ends at once.
/// 16. **Joining is repeatable** and needed at most once: publishing makes the author's place when it is missing.
/// 17. **Heads are hints.** The head that an author left last is handed up to every member, its own author included, once
///     or more often; earlier ones perhaps never. They count for no budget, hold back nothing, and come without order.
/// 18. **Packs carry their messages.** What was published as a pack is collected like what was published alone, also where
///     both lie there, and after [`thin_out`](Self::thin_out).
/// 19. **Relays.** What a member relays of another author is collected like what that author has published, and changes nothing of
///     it. [`withdraw`](Self::withdraw) takes back what the author itself has there, and nothing else.
pub trait Transport: fmt::Debug + Send {
    /// Makes the place where `author`'s messages will lie, so that services know it before the first message.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish).
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError>;

    /// Puts a frame where the other members will find it.
    ///
    /// When this returns, the frame is visible whole or not at all. Only the frame's author may publish it, and only
    /// one process at a time may do so for one author; others [relay](Self::relay) it.
    ///
    /// # Durability
    ///
    /// With [`Durability::Durable`] the frame also survives a loss of power from here on; with [`Durability::Lazy`]
    /// it may then be missing or cut short, which publishing it again mends.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. The frame may or may not have been published then; publish the same frame again.
    fn publish(&mut self, frame: &Frame, durability: Durability) -> Result<Published, PublishError>;

    /// Whether several messages can lie in one file here. Where they cannot, packs are published one message after the other.
    fn has_packs(&self) -> bool {
        false
    }

    /// Puts a pack where the other members will find it, under the terms of [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); some of its messages may have been published then.
    fn publish_pack(&mut self, pack: &Pack, durability: Durability) -> Result<Published, PublishError> {
        one_by_one(pack, |frame| self.publish(frame, durability))
    }

    /// Removes what lies there of a pack's author and is nothing but messages of the pack, byte for byte: at most so many
    /// files, once the pack lies there whole and durably. The answer names what was removed, by first and last counter; that
    /// is less than `most` when nothing is left to be removed.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); what was removed before stays so.
    fn thin_out(&mut self, pack: &Pack, most: usize) -> Result<Vec<(u64, u64)>, PublishError> {
        let _ = (pack, most);
        Ok(Vec::new())
    }

    /// Whether a member can put here what another author has written. Where it cannot, nothing is relayed.
    fn has_relays(&self) -> bool {
        false
    }

    /// Puts another author's frame where the members will find it, durably: in a place that `relayer` keeps for that author. The
    /// author's own place is not touched. Only one process at a time may do so for one relayer.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); [`PublishError::Failed`] where [nothing can be relayed](Self::has_relays).
    fn relay(&mut self, frame: &Frame, relayer: AuthorId) -> Result<Published, PublishError> {
        let _ = relayer;
        Err(PublishError::Failed { place: frame.id().to_string(), source: "nothing can be relayed here".into() })
    }

    /// The same with a pack of another author's messages.
    ///
    /// # Errors
    ///
    /// As for [`relay`](Self::relay); some of its messages may have been relayed then.
    fn relay_pack(&mut self, pack: &Pack, relayer: AuthorId) -> Result<Published, PublishError> {
        one_by_one(pack, |frame| self.relay(frame, relayer))
    }

    /// Takes back what `relayer` has relayed of an author and the author's own place has whole, byte for byte; the answer is how
    /// many files that were.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); what was removed before stays so.
    fn withdraw(&mut self, author: AuthorId, relayer: AuthorId) -> Result<usize, PublishError> {
        let _ = (author, relayer);
        Ok(0)
    }

    /// Leaves an author's head in the place of the one before; what the place is called, it may add. Atomic for readers, and
    /// not durable: what a loss of power leaves of it may be neither the old nor the new one.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; the head before is still there then, or already the new one.
    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError>;

    /// Lists what lies there of one author, by name and length alone, sorted by first counter.
    ///
    /// # Errors
    ///
    /// As for [`collect`](Self::collect).
    fn inventory(&mut self, author: AuthorId) -> Result<Vec<Piece>, CollectError>;

    /// Hands up what is there and not known. `take` is called once per arrival and says what became of it.
    ///
    /// # Errors
    ///
    /// [`CollectError`] when the place as a whole cannot be looked at. What is wrong with a single file is an
    /// [`Arrival::Foreign`] or a part of the [`report`](Self::report).
    fn collect(&mut self, want: &Want<'_>, take: &mut dyn FnMut(Arrival) -> Taken) -> Result<Collected, CollectError>;

    /// Waits until a collect may find something new, the waker is used, or `timeout` has passed.
    ///
    /// Returning early without a reason is allowed; being told of a new frame is not promised.
    fn wait(&mut self, timeout: Duration);

    /// A handle that ends a [`wait`](Self::wait) from another thread.
    fn waker(&self) -> Waker;

    /// What lies there and is not a message, as of the last collect. Touches nothing outside memory.
    fn report(&self) -> Report;
}

/// Puts the messages of a pack somewhere; the worst of what became of them.
fn one_by_one(
    pack: &Pack,
    mut put: impl FnMut(&Frame) -> Result<Published, PublishError>,
) -> Result<Published, PublishError> {
    pack.frames().try_fold(Published::Already, |worst, frame| {
        let now = put(&frame)?;
        Ok(if now == Published::Already || worst == Published::Beside { worst } else { now })
    })
}

/// What a collect is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// What need not be handed up.
    pub known: &'a Seen,
    /// Who asks, if it is an author.
    pub own: Option<Own>,
    /// What shall be handed up although known: another message of the same id is suspected.
    pub recheck: &'a [MessageId],
    /// Look at everything anew instead of relying on signs that nothing has changed.
    pub full: bool,
    /// How much to hand up.
    pub budget: Budget,
}

/// The author that a transport collects for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The author.
    pub author: AuthorId,
    /// It has been in this place before; until then nobody need be there.
    pub joined: bool,
}

/// A limit on the work of one collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// At most so many frames.
    pub frames: usize,
    /// No further frame after so many bytes; one frame may exceed it.
    pub bytes: usize,
}

/// What a transport hands up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrival {
    /// A whole frame. Nothing is known of its past.
    Frame(Frame),
    /// An author's head, whole, and by the author in whose place it lies. What `take` answers is not used.
    Head(Head),
    /// Something that is not ours; once per change. What `take` answers is not used.
    Foreign(Foreign),
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It will be in the next [`Want::known`].
    Known,
    /// It is dealt with and will not be in `known`: rejected, or a second copy.
    Settled,
    /// There was no room for it; hand it up again.
    Later,
}

/// What a collect did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many frames were handed up.
    pub frames: usize,
    /// There is more to hand up now: the budget was too short.
    pub more: bool,
    /// The [`report`](Transport::report) is not what it was.
    pub report_changed: bool,
}

/// How certain a publication must be when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives a loss of power.
    Durable,
    /// Survives the end of the process; the author keeps its own durable copy.
    Lazy,
}

/// How a publication ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The frame was put there.
    New,
    /// The same bytes were there already.
    Already,
    /// The remains of an interrupted publication of this frame were replaced.
    Mended,
    /// Something else lies in its place, and the frame was put beside it. Somebody else writes as this author, or has
    /// changed its message.
    Beside,
}

/// Something that lies there under an author's name: one message, or several packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// The first counter.
    pub first: u64,
    /// The last counter.
    pub last: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The error of another layer, kept as a source.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a frame was not published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The place is away; try again when a collect succeeds.
    #[error("{place} is not the session any more: {why}")]
    Detached {
        /// The place.
        place: String,
        /// How that shows.
        why: Detachment,
    },
    /// There is no room, by the disk or by a quota; try again later.
    #[error("no room to write {place}")]
    Full {
        /// What was to be written.
        place: String,
        /// What the system said.
        source: Cause,
    },
    /// Writing is not allowed: permissions, or a read-only medium.
    #[error("not allowed to write {place}")]
    Denied {
        /// What was to be written.
        place: String,
        /// What the system said.
        source: Cause,
    },
    /// Another program has the file or the directory open and does not share it; try again soon.
    #[error("{place} is in use by another program")]
    InUse {
        /// What was to be written.
        place: String,
        /// What the system said.
        source: Cause,
    },
    /// Something moves away or replaces what is written there, every time. It is not written once more.
    #[error("{place} is undone every time it is written")]
    Undone {
        /// What was to be written.
        place: String,
    },
    /// This transport was opened for reading only.
    #[error("{place} was opened for reading only")]
    ReadOnly {
        /// The place.
        place: String,
    },
    /// Anything else.
    #[error("cannot write {place}")]
    Failed {
        /// What was to be written.
        place: String,
        /// What the system said.
        source: Cause,
    },
}

/// Why nothing could be collected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The place is away: unplugged, unmounted, moved, emptied. Nothing in it counts as deleted.
    #[error("{place} is not the session any more: {why}")]
    Detached {
        /// The place.
        place: String,
        /// How that shows.
        why: Detachment,
    },
    /// The place is there and cannot be looked at.
    #[error("cannot read {place}")]
    Failed {
        /// What was to be read.
        place: String,
        /// What the system said.
        source: Cause,
    },
}

/// How it shows that a place is not the session any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Detachment {
    /// Nothing is there.
    #[error("it does not exist")]
    Missing,
    /// Something else is there.
    #[error("it is not a folder")]
    NotAFolder,
    /// It holds none of the known authors.
    #[error("it holds nobody whom we know")]
    Emptied,
}
