//! Removes the parts of own files that were released.

use std::{sync::Arc, time::Duration};

use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, MessageId, Part, Parts, Presence, planted};

use crate::{
    core::carrying::Carrying,
    engine::{shared::Shared, state::State, turn::Step},
    errors::describe,
    store::{files::FileRecord, shelf::Shelf},
};

/// When to look for released files again.
#[derive(Debug)]
pub(crate) struct Remover {
    shelf: Arc<dyn Shelf>,
    times: Carrying,
    look_at: Duration,
}

impl Remover {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, times: Carrying) -> Self {
        Self { shelf, times, look_at: Duration::ZERO }
    }

    /// Removes one released file whose time has come.
    pub(crate) fn step(&mut self, shared: &Shared, parts: &mut dyn Parts, now: Duration) -> Step {
        if now < self.look_at {
            return Step::Wait(self.look_at.saturating_sub(now));
        }
        self.look_at = now + self.times.idle;
        let unix_ms = shared.environment.unix_ms();
        let released = shared.lock().released(unix_ms, self.times.patience);
        for Released { id, release, is_known } in released {
            let known = shared.lock().files.records.get(&id).and_then(|record| record.released);
            // An earlier release was followed by a message that needed the file again.
            let since = known.filter(|(counter, _)| *counter == release.counter).map(|(_, since)| since);
            let done = match since {
                None if is_known => {
                    let released = Some((release.counter, unix_ms));
                    shared.change_file(id, |record| record.released = released).map_err(Into::into)
                }
                // Somebody may have been met since.
                Some(since)
                    if is_known && (planted!(RemovedAtOnce) || has_passed(since, self.times.grace, unix_ms)) =>
                {
                    self.remove(shared, parts, id, release.author)
                }
                _ => Ok(()),
            };
            if let Err(error) = done {
                shared.lock().view_file(id, |view| view.error = Some(describe(&*error)));
            }
        }
        Step::Wait(self.times.idle)
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
        let was_put = record.as_ref().is_some_and(FileRecord::was_put);
        if was_put && !parts.has_place(author)? {
            // Where the place was deselected, it comes back with all parts when it is selected again.
            return Ok(());
        }
        let all: Vec<Part> = manifest.parts().collect();
        for part in &all {
            parts.remove(author, part)?;
        }
        if parts.look(Some(author), &all)?.contains(&Presence::Elsewhere) {
            // What a service shows in its place has another name. It can be removed once the service brings it back.
            return Ok(());
        }
        let is_wanted = record.is_some_and(|record: FileRecord| record.is_wanted);
        if shared.lock().home_of(id).is_none() && !is_wanted {
            // The record goes first: one of content that is gone would be believed.
            shared.note_file(id, |it| *it = None)?;
            return Ok(self.shelf.remove(id)?);
        }
        Ok(shared.change_file(id, |record| record.puts.clear())?)
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
    fn released(&self, unix_ms: i64, patience: Duration) -> Vec<Released> {
        let Some(me) = self.core.author() else { return Vec::new() };
        let is_whole = self.core.own_last.is_some_and(|last| last.counter == self.core.contiguous(me));
        let is_alone = self.core.conflict().is_none() && self.core.forks(me).is_empty();
        let has_seen_all = self.is_audited && self.lifecycle.is_at_rest();
        if !(is_whole && is_alone && has_seen_all) || planted!(ReleaseForgotten) {
            return Vec::new();
        }
        let own = self.files.records.iter().filter(|(id, record)| record.is_own && self.core.is_released(**id, me));
        own.filter_map(|(&id, _)| {
            let counter = self.core.release_of(id, me)?;
            let release = MessageId { author: me, counter };
            let (_, digest) = self.core.messages_after(me, counter - 1, 1).first().copied()?;
            let sent_ms = self.core.order(self.core.slot(release, digest)?)?.0.unix_ms;
            let is_old = has_passed(sent_ms, patience, unix_ms);
            let is_known = is_old || self.core.is_with_everybody(release, unix_ms, patience);
            Some(Released { id, release, is_known })
        })
        .collect()
    }
}

/// Returns whether a time has passed since a moment. One in the future was noted before this machine's clock was set back.
fn has_passed(since_ms: i64, time: Duration, unix_ms: i64) -> bool {
    since_ms <= unix_ms && u128::from(since_ms.abs_diff(unix_ms)) >= time.as_millis()
}
