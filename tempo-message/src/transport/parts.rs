//! The trait between a session and the place where the parts of files lie.

use std::{fmt, io::Read, ops::ControlFlow, vec::Vec};

use tempo_clock::AuthorId;
use thiserror::Error;

use crate::{
    attachment::part::Part,
    transport::outcome::{Cause, CollectError, Durability, PublishError, Published},
};

/// Carries parts of attachments between the members of a session, beside the messages of a
/// [`Transport`](crate::Transport).
///
/// It is a handle of its own, so that a thread of its own can use it: what it does may take minutes, and no message
/// waits for it. Nothing is searched for: a part is looked for by its name when somebody asks. A part proves itself, so
/// it may be read from any author's place.
///
/// # Contract
///
/// Each clause has a test of the same number in [`conformance`](crate::conformance).
///
/// 1. **Carries.** What one member puts, every other reads, byte for byte.
/// 2. **Proven.** Bytes that are not the part's are never put, and never read as whole.
/// 3. **Create-only.** A part that is there is not written again: [`Published::Already`].
/// 4. **Looks.** [`look`](Self::look) says of each part what is there, in the order of the question, and reads none.
/// 5. **From anybody.** A part that any author has put is found and read.
/// 6. **Removes its own.** [`remove`](Self::remove) takes away one author's copy of one part, and nothing else.
/// 7. **Stops.** A reader that has enough ends the reading.
/// 8. **A source that fails leaves nothing.** Neither [`look`](Self::look) nor a reader finds anything of it.
/// 9. **Beside the messages.** Parts appear in no collect, report or inventory of messages.
/// 10. **Inventory.** [`stored`](Self::stored) lists exactly the parts in an author's place, and whether there is one.
pub trait Parts: fmt::Debug + Send {
    /// Puts a part in an author's own place, where the other members will find it. Reads the bytes from the beginning
    /// of `from`, and checks them while it writes. Needs memory for a small piece of it.
    ///
    /// When this returns, the part is visible whole or not at all. Only one process at a time may do so for one author.
    /// The durability is that of [`publish`](crate::Transport::publish).
    ///
    /// # Errors
    ///
    /// [`PutError`]; then the part is not there, unless it was before.
    fn put(
        &mut self,
        author: AuthorId,
        part: &Part,
        from: &mut dyn Read,
        durability: Durability,
    ) -> Result<Published, PutError>;

    /// Returns what is there of parts: in any author's place, or in one alone. Looks at names and lengths, and neither
    /// reads a part nor makes a service fetch it.
    ///
    /// # Errors
    ///
    /// [`CollectError`] when the place as a whole cannot be looked at.
    fn look(&mut self, within: Option<AuthorId>, parts: &[Part]) -> Result<Vec<Presence>, CollectError>;

    /// Reads a part from any author's place, and checks it. With `fetch`, a part that a service keeps online only is
    /// read too, which makes the service fetch it.
    ///
    /// If a copy turns out not to be the part, `to` begins again with another one.
    ///
    /// # Errors
    ///
    /// [`CollectError`] when the place as a whole cannot be read.
    fn read(&mut self, part: &Part, fetch: bool, to: &mut dyn Receive) -> Result<PartRead, CollectError>;

    /// Removes a part from an author's own place, for the installation of that author. Returns whether it was there.
    /// A file of another length stays.
    ///
    /// # Errors
    ///
    /// As for [`publish`](crate::Transport::publish).
    fn remove(&mut self, author: AuthorId, part: &Part) -> Result<bool, PublishError>;

    /// Lists the parts in an author's place by name and length, sorted; `None` if the author has no place for parts,
    /// because nothing was ever put there, or somebody has removed or deselected all of it.
    ///
    /// # Errors
    ///
    /// As for [`look`](Self::look).
    fn stored(&mut self, author: AuthorId) -> Result<Option<Vec<StoredPart>>, CollectError>;

    /// Returns whether an author has a place for parts, as [`stored`](Self::stored) does, without listing it.
    ///
    /// # Errors
    ///
    /// As for [`look`](Self::look).
    fn has_place(&mut self, author: AuthorId) -> Result<bool, CollectError> {
        Ok(self.stored(author)?.is_some())
    }

    /// Returns the number of bytes that are free for parts; `None` where the system does not say so. A service's quota is
    /// another matter.
    fn free(&mut self) -> Option<u64> {
        None
    }
}

/// Takes the bytes of a part that is read.
pub trait Receive {
    /// Forgets what came before: the part begins, or begins again.
    fn begin(&mut self);

    /// Takes the next bytes. They are not checked until [`Parts::read`] has returned [`PartRead::Whole`].
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()>;
}

/// Whether a part is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Nothing has its name.
    Missing,
    /// Something has its name and another length.
    Damaged,
    /// A service has it online, and not on this machine.
    Elsewhere,
    /// A file with its name and length is on this machine.
    Here,
}

/// The outcome of reading a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartRead {
    /// All bytes were handed on, and they are the part.
    Whole,
    /// Nothing has its name.
    Missing,
    /// A service has it online only, and it was not to be fetched.
    Elsewhere,
    /// What has its name is something else.
    Damaged,
    /// The reader had enough.
    Stopped,
}

/// A file in an author's place for parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredPart {
    /// The first half of the attachment's id.
    pub attachment: [u8; 16],
    /// The number of the part; `None` if the attachment has only one.
    pub number: Option<u16>,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The reason why a part was not put.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PutError {
    /// It could not be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Its bytes could not be read.
    #[error("the file to send cannot be read")]
    Source(#[source] Cause),
    /// The bytes are not those of the part: the file has changed since it was attached.
    #[error("the file to send has changed since it was attached")]
    Changed,
}

impl StoredPart {
    /// Returns whether this is the place of a part. The length does not matter.
    pub fn is(&self, part: &Part) -> bool {
        self.attachment == part.attachment.prefix() && self.number == (part.count > 1).then_some(part.number)
    }
}
