//! Retiring members that will not come back.

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::Kind;
use thiserror::Error;

use crate::{api::session::Session, errors::SendError};

/// The reason why nobody was retired.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RetireError {
    /// Nothing is known of that author.
    #[error("there is no member {author}")]
    Unknown {
        /// The author.
        author: AuthorId,
    },
    /// The message that retires the author could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl Session {
    /// Says that an author will not write again, so that no member waits for it any more: messages become
    /// [stable](crate::Event::Stable) without it, and files whose messages are in a pack are removed without waiting for it.
    /// Does nothing if it is retired already; a member that others have retired can still leave by its own word.
    ///
    /// This holds for every member that receives the message and [heeds](crate::Builder::heed_retirements) it, until the
    /// author writes again with knowledge of it. No message is lost: what the author has written and what it writes later
    /// is delivered, perhaps [below the stable part](crate::Placed::BelowStable).
    ///
    /// # Durability
    ///
    /// As for [`send`](Self::send): it is a message, though not one in the timeline.
    ///
    /// # Errors
    ///
    /// [`RetireError`]. Except after [`SendError::Store`], no message was sent.
    pub fn retire(&self, author: AuthorId) -> Result<(), RetireError> {
        let state = self.shared().lock();
        if state.core.is_retired_for_all(author) {
            return Ok(());
        }
        let retirement = state.core.retirement_of(author).ok_or(RetireError::Unknown { author })?;
        drop(state);
        let content = Bytes::copy_from_slice(&retirement.to_bytes());
        Ok(self.shared().send(&[(Kind::Retirement, content).into()]).map(drop)?)
    }

    /// [Retires](Self::retire) this member itself: nobody waits for it any more. Its next message undoes that.
    ///
    /// # Errors
    ///
    /// As for [`retire`](Self::retire).
    pub fn leave(&self) -> Result<(), RetireError> {
        let mut me = self.author().ok_or(SendError::Observer)?;
        loop {
            self.retire(me)?;
            // The message may have found that a new author is needed.
            match self.author() {
                Some(author) if author != me => me = author,
                _ => return Ok(()),
            }
        }
    }
}
