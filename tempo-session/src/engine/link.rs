//! The session's state and the transport, which every part of the driver works on.

use std::{ops::RangeInclusive, sync::Arc};

use tempo_clock::AuthorId;
use tempo_message::{CollectError, Frame, MessageId, Pack, PublishError, StoredRun, Transport};

use crate::{
    engine::{outbox::Key, shared::Shared},
    store::{error::StoreError, marks::Marks},
};

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Box<dyn Transport>,
    /// The folder was there at the last look.
    pub(crate) is_attached: bool,
}

impl Link {
    /// Returns the bytes of a message, to be published.
    pub(crate) fn frame(&self, key: Key) -> Result<Frame, PublishError> {
        let (id, _) = key;
        let failed = |error| PublishError::Failed { place: id.to_string(), source: Box::new(error) };
        self.shared.frame(key).map_err(failed)
    }

    /// Packs a run of own messages into at most `most` bytes; `None` when they make no pack.
    pub(crate) fn pack_of(
        &self,
        author: AuthorId,
        run: RangeInclusive<u64>,
        most: usize,
    ) -> Result<Option<Pack>, PublishError> {
        let Some(digests) = self.shared.lock().core.own_run(author, run.clone()) else { return Ok(None) };
        let (mut frames, mut bytes): (Vec<Frame>, usize) = (Vec::new(), 0);
        for (counter, digest) in run.zip(digests) {
            let frame = self.frame((MessageId { author, counter }, digest))?;
            bytes += frame.bytes().len();
            if bytes > most {
                break;
            }
            frames.push(frame);
        }
        Ok(Pack::of(&frames).ok())
    }

    /// Lists an author's directory; `None` when the folder is away, which the next look reports.
    pub(crate) fn inventory(&mut self, author: AuthorId) -> Result<Option<Vec<StoredRun>>, PublishError> {
        match self.transport.inventory(author) {
            Ok(there) => Ok(Some(there)),
            Err(CollectError::Failed { place, source }) => Err(PublishError::Failed { place, source }),
            Err(_) => Ok(None),
        }
    }

    /// Changes the marks in the store.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Marks)) -> Result<(), PublishError> {
        let failed =
            |error: StoreError| PublishError::Failed { place: "the local store".to_owned(), source: Box::new(error) };
        self.shared.note(change).map_err(failed)
    }
}
