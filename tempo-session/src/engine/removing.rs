//! Removes the parts of own files that were released.

use std::{sync::Arc, time::Duration};

use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, MessageId, Parts};

use crate::{
    engine::{
        shared::Shared,
        state::State,
        turn::{LONGEST, Step},
    },
    errors::describe,
    store::{files::FileRecord, shelf::Shelf},
};

/// When to look for released files again.
#[derive(Debug)]
pub(crate) struct Remover {
    shelf: Arc<dyn Shelf>,
    look_at: Duration,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The time that a released file stays in the folder after everybody is known to have the release.
const GRACE_MS: u64 = 7 * DAY_MS;
/// The age at which a release counts as known to everybody.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Remover {
    pub(crate) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf, look_at: Duration::ZERO }
    }

    /// Removes one released file whose time has come.
    pub(crate) fn step(&mut self, shared: &Shared, parts: &mut dyn Parts, now: Duration) -> Step {
        if now < self.look_at {
            return Step::Wait(self.look_at.saturating_sub(now));
        }
        self.look_at = now + LONGEST;
        let unix_ms = shared.environment.unix_ms();
        let released = shared.lock().released(unix_ms);
        for Released { id, release, is_known } in released {
            let known = shared.lock().files.records.get(&id).and_then(|record| record.released);
            // An earlier release was followed by a message that needed the file again.
            let since = known.filter(|(counter, _)| *counter == release.counter).map(|(_, since)| since);
            let done = match since {
                None if is_known => {
                    let released = Some((release.counter, unix_ms));
                    shared.change_file(id, |record| record.released = released).map_err(Into::into)
                }
                // Somebody has set the clock back.
                Some(since) if since <= unix_ms && since.abs_diff(unix_ms) >= GRACE_MS => {
                    self.remove(shared, parts, id, release.author)
                }
                _ => Ok(()),
            };
            if let Err(error) = done {
                shared.lock().view_file(id, |view| view.error = Some(describe(&*error)));
            }
        }
        Step::Wait(LONGEST)
    }

    fn remove(
        &self,
        shared: &Shared,
        parts: &mut dyn Parts,
        id: AttachmentId,
        author: AuthorId,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let record = shared.lock().files.records.get(&id).cloned();
        let Some(manifest) = record.as_ref().and_then(|record| record.manifest(id)) else { return Ok(()) };
        for part in manifest.parts() {
            parts.remove(author, &part)?;
        }
        let is_wanted = record.is_some_and(|record: FileRecord| record.is_wanted);
        if shared.lock().home_of(id).is_none() && !is_wanted {
            self.shelf.remove(id)?;
            shared.note_file(id, |it| *it = None)?;
        }
        Ok(())
    }
}

/// A released file of the present author.
struct Released {
    id: AttachmentId,
    release: MessageId,
    /// Everybody is known to have the release, or it is a month old.
    is_known: bool,
}

impl State {
    /// Returns the files that the present author may remove once the time has come. None before everything in the folder was
    /// looked at, and if the author's history has a gap or another installation may write as it: then something that is not
    /// known here may need them.
    fn released(&self, unix_ms: i64) -> Vec<Released> {
        let Some(me) = self.core.author() else { return Vec::new() };
        let is_whole = self.core.own_last.is_some_and(|last| last.counter == self.core.contiguous(me));
        let is_alone = self.core.conflict().is_none() && self.core.forks(me).is_empty();
        let has_seen_all = self.is_audited && self.lifecycle.is_at_rest();
        if !(is_whole && is_alone && has_seen_all) {
            return Vec::new();
        }
        let own = self.files.records.iter().filter(|(id, record)| record.is_own && self.core.is_released(**id, me));
        own.filter_map(|(&id, _)| {
            let counter = self.core.release_of(id, me)?;
            let release = MessageId { author: me, counter };
            let (_, digest) = self.core.messages_after(me, counter - 1, 1).first().copied()?;
            let sent_ms = self.core.order(self.core.slot(release, digest)?)?.0.unix_ms;
            let is_old = sent_ms <= unix_ms && u128::from(sent_ms.abs_diff(unix_ms)) >= PATIENCE.as_millis();
            let is_known = is_old || self.core.is_with_everybody(release, unix_ms, PATIENCE);
            Some(Released { id, release, is_known })
        })
        .collect()
    }
}
