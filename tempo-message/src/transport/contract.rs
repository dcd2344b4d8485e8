//! The contract of transports: how frames travel between members.

#[cfg(feature = "std")]
use alloc::boxed::Box;
use alloc::{string::ToString, vec::Vec};
use core::{fmt, task::Waker, time::Duration};

use tempo_clock::{AuthorId, Seen};

#[cfg(feature = "std")]
use crate::transport::parts::Parts;
use crate::{
    codec::{frame::Frame, pack::Pack},
    head::Head,
    id::MessageId,
    transport::{
        outcome::{CollectError, Durability, PublishError, Published},
        report::{Foreign, Report},
    },
};

/// A place where authors leave frames for each other: a folder, a memory, an object store.
///
/// A transport neither orders nor trusts. It keeps every frame that it was given, hands up every frame that it
/// finds, as often as it is asked to, in any order, and reports what else it found. The session orders, holds and
/// remembers.
///
/// # Contract
///
/// Each clause has a test of the same number in [`conformance`](crate::conformance); "members" are transports that
/// share one place.
///
/// 1. **Carries.** What one member publishes, every other collects, byte for byte.
/// 2. **Create-only.** Publishing other bytes under a published id is [`Published::Displaced`]: the first bytes stay, and
///    both frames are collected.
/// 3. **Idempotent.** Publishing equal bytes again succeeds and changes nothing.
/// 4. **Skips what is known.** A frame whose id is in [`CollectRequest::known`] is not handed up.
/// 5. **In counter order.** Within one collect an author's frames come with ascending counters.
/// 6. **Bounded.** A collect takes no more frames than its budget, and says when there is more.
/// 7. **Fair.** When the budget is short, every author that has something gets its turn.
/// 8. **Later means again.** A frame taken as [`Disposition::Later`] is handed up again, by the next collect that
///    has nothing else to do.
/// 9. **Done means once.** A frame taken as [`Disposition::Done`] is not handed up again while it stays unchanged,
///    except by clause 12 or a [full](CollectRequest::full) collect.
/// 10. **Gaps do not matter.** Missing counters hold back nothing.
/// 11. **Own frames too.** A member collects its own frames like those of others, unless known; later ones perhaps
///     not at once, because it has no need of them.
/// 12. **Looks again on request.** The ids in [`CollectRequest::recheck`] are handed up even if they are known or done.
/// 13. **Inventory.** [`inventory`](Self::inventory) names exactly the counters published for an author, with lengths.
/// 14. **Waits no longer than told.** [`wait`](Self::wait) returns at the latest after its timeout.
/// 15. **Wakes.** The [`waker`](Self::waker) ends a wait from any thread; woken before the wait, it ends at once.
/// 16. **Joining is repeatable** and needed at most once: publishing makes the author's place when it is missing.
/// 17. **Heads are hints.** The head that an author left last is handed up to every member, its own author
///     included, once or more often; earlier ones perhaps never. They count for no budget, hold back nothing, and
///     come without order.
/// 18. **Packs carry their messages.** Messages published as a pack are collected like messages published alone, also
///     where both are present, and after [`thin_out`](Self::thin_out).
/// 19. **Relays.** Messages that a member relays for another author are collected like those that the author has
///     published, and leave these unchanged. [`withdraw`](Self::withdraw) takes back the messages that the author
///     itself has there, and no others.
pub trait Transport: fmt::Debug + Send {
    /// Makes the place for `author`'s messages, so that services know it before the first message.
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

    /// Returns whether one file can hold several messages here. If not, packs are published message by message.
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

    /// Removes files of a pack's author that hold only messages of the pack, byte for byte, once the pack is there
    /// whole and durable. Removes at most `most` files and returns the first and last counter of each; fewer than
    /// `most` mean that none are left.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); files removed before the error stay removed.
    fn thin_out(&mut self, pack: &Pack, most: usize) -> Result<Vec<(u64, u64)>, PublishError> {
        let _ = (pack, most);
        Ok(Vec::new())
    }

    /// Returns whether a member can put messages of another author here. If not, nothing is relayed.
    fn has_relays(&self) -> bool {
        false
    }

    /// Puts another author's frame where the members will find it, durably: in a place that `relayer` keeps for that
    /// author. Leaves the author's own place alone. Only one process at a time may do so for one relayer.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); [`PublishError::Failed`] where [nothing can be relayed](Self::has_relays).
    fn relay(&mut self, frame: &Frame, relayer: AuthorId) -> Result<Published, PublishError> {
        let _ = relayer;
        Err(PublishError::Failed { place: frame.id().to_string(), source: "nothing can be relayed here".into() })
    }

    /// Relays a pack of another author's messages, as [`relay`](Self::relay) does a frame.
    ///
    /// # Errors
    ///
    /// As for [`relay`](Self::relay); some of its messages may have been relayed then.
    fn relay_pack(&mut self, pack: &Pack, relayer: AuthorId) -> Result<Published, PublishError> {
        one_by_one(pack, |frame| self.relay(frame, relayer))
    }

    /// Removes the messages that `relayer` has relayed for an author and that the author's own place has whole,
    /// byte for byte. Returns the number of files removed.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish); files removed before the error stay removed.
    fn withdraw(&mut self, author: AuthorId, relayer: AuthorId) -> Result<usize, PublishError> {
        let _ = (author, relayer);
        Ok(0)
    }

    /// Replaces an author's head. The transport may fill in the name of the place. Atomic for readers, and not durable:
    /// after a loss of power it may be neither the old head nor the new one.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; then the head is still the old one, or already the new one.
    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError>;

    /// Lists one author's messages and packs by name and length alone, sorted by first counter.
    ///
    /// # Errors
    ///
    /// As for [`collect`](Self::collect).
    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError>;

    /// Hands up everything there that is not known. Calls `take` once per arrival, which returns what became of it.
    ///
    /// # Errors
    ///
    /// [`CollectError`] when the place as a whole cannot be read. A fault of a single file is an
    /// [`Arrival::Foreign`] or a part of the [`report`](Self::report).
    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError>;

    /// Waits until a collect may find something new, the waker is used, or `timeout` has passed.
    ///
    /// Returning early without a reason is allowed; being told of a new frame is not promised.
    fn wait(&mut self, timeout: Duration);

    /// Returns a handle that ends a [`wait`](Self::wait) from another thread.
    fn waker(&self) -> Waker;

    /// Returns a handle for the parts of files, which another thread may use; `None` where only messages travel.
    #[cfg(feature = "std")]
    fn parts(&mut self) -> Option<Box<dyn Parts>> {
        None
    }

    /// Returns everything there that is not a message, as of the last collect. Reads memory only.
    fn report(&self) -> Report;
}

/// Puts the messages of a pack somewhere and returns the worst outcome.
fn one_by_one(
    pack: &Pack,
    mut put: impl FnMut(&Frame) -> Result<Published, PublishError>,
) -> Result<Published, PublishError> {
    pack.frames().try_fold(Published::Already, |worst, frame| {
        let now = put(&frame)?;
        Ok(if now == Published::Already || worst == Published::Displaced { worst } else { now })
    })
}

/// The request of a collect.
#[derive(Clone, Copy, Debug)]
pub struct CollectRequest<'a> {
    /// The messages that need not be handed up.
    pub known: &'a Seen,
    /// The asking author; `None` for an observer.
    pub own: Option<Own>,
    /// Ids to hand up even if known, because another message of the same id is suspected.
    pub recheck: &'a [MessageId],
    /// Whether to read everything again instead of relying on signs that nothing has changed.
    pub full: bool,
    /// The most to hand up.
    pub budget: Budget,
}

/// The author that a transport collects for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The author.
    pub author: AuthorId,
    /// Whether it has been in this place before; until then the place may be empty.
    pub joined: bool,
}

/// A limit on the work of one collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The greatest number of frames.
    pub frames: usize,
    /// The number of bytes after which no further frame follows; one frame may exceed it.
    pub bytes: usize,
}

/// Anything that a transport hands up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrival {
    /// A whole frame. Nothing is known of its past.
    Frame(Frame),
    /// An author's head, whole, from that author's place. The answer of `take` is not used.
    Head(Head),
    /// A file or directory that is not ours; once per change. The answer of `take` is not used.
    Foreign(Foreign),
}

/// The outcome of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It will be in the next [`CollectRequest::known`].
    Known,
    /// It needs no more work and will not be in `known`: rejected, or a second copy.
    Done,
    /// There was no room for it; hand it up again.
    Later,
}

/// The result of a collect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The number of frames handed up.
    pub frames: usize,
    /// Whether there is more to hand up now, because the budget was too short.
    pub more: bool,
    /// Whether the [`report`](Transport::report) has changed.
    pub report_changed: bool,
}

/// One file of an author in an inventory: one message, or several packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredRun {
    /// The first counter.
    pub first: u64,
    /// The last counter.
    pub last: u64,
    /// Its length in bytes.
    pub bytes: u64,
}
