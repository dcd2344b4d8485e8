//! Keeping what is known of files in step with the store.

use tempo_clock::AuthorId;
use tempo_message::AttachmentId;

use crate::{
    core::session_core::SessionCore,
    engine::{event::Event, files::View, shared::Shared, state::State},
    store::{
        error::StoreError,
        files::{Content, FileRecord},
    },
};

impl State {
    /// Returns the own author in whose place a file belongs: the present one, else the last one that names it. `None` if no
    /// own message names it, or if its release says that it is not needed there.
    pub(crate) fn home_of(&self, id: AttachmentId) -> Option<AuthorId> {
        let names = |author: &AuthorId| self.core.namers(id).iter().any(|namer| namer.author == *author);
        own_authors(&self.core).filter(names).find(|&author| !self.core.is_released(id, author))
    }

    /// Returns the number of parts of own files that were never put into the folder, and can be.
    pub(crate) fn unput(&self) -> usize {
        self.going().map(|(_, record)| record.unput()).sum()
    }

    /// Returns whether every own file with such parts could not be put into the folder at the last attempt.
    pub(crate) fn are_all_stuck(&self) -> bool {
        let has_failed = |id: &AttachmentId| self.files.views.get(id).is_some_and(|view| view.error.is_some());
        self.unput() > 0 && self.going().filter(|(_, record)| record.unput() > 0).all(|(id, _)| has_failed(id))
    }

    /// Returns the own files that belong into the folder.
    fn going(&self) -> impl Iterator<Item = (&AttachmentId, &FileRecord)> {
        let is_going = |(id, record): &(&AttachmentId, &FileRecord)| {
            let is_here = matches!(record.content, Content::Kept | Content::Original(_));
            record.is_own && is_here && self.home_of(**id).is_some()
        };
        self.files.records.iter().filter(is_going)
    }

    /// Notes what was found about a file, and tells the application if that is news.
    pub(crate) fn view_file(&mut self, id: AttachmentId, change: impl FnOnce(&mut View)) {
        let view = self.files.views.entry(id).or_default();
        let before = view.clone();
        change(view);
        if *view != before {
            self.tell(Event::File { id });
        }
    }
}

/// Returns the authors of this installation, the present one first, then the latest.
fn own_authors(core: &SessionCore) -> impl Iterator<Item = AuthorId> + '_ {
    core.author().into_iter().chain(core.former().iter().rev().copied())
}

impl Shared {
    /// Changes the record of a file, durably, and tells the application.
    pub(crate) fn note_file(
        &self,
        id: AttachmentId,
        change: impl FnOnce(&mut Option<FileRecord>),
    ) -> Result<(), StoreError> {
        let _writer = self.writer();
        let before = self.lock().files.records.get(&id).cloned();
        let mut record = before.clone();
        change(&mut record);
        if record == before {
            return Ok(());
        }
        self.with_store(|store| store.set_file(id, record.as_ref()))?;
        let mut state = self.lock();
        if let Some(record) = record {
            state.files.records.insert(id, record);
        } else {
            state.files.records.remove(&id);
            state.files.views.remove(&id);
        }
        state.unsaved.are_durable();
        state.tell(Event::File { id });
        drop(state);
        self.announce();
        Ok(())
    }

    /// Changes the record of a file, if there is one.
    pub(crate) fn change_file(&self, id: AttachmentId, change: impl FnOnce(&mut FileRecord)) -> Result<(), StoreError> {
        self.note_file(id, |it| it.as_mut().map_or((), change))
    }

    /// Wakes the carrier.
    pub(crate) fn ask_carrier(&self) {
        self.lock().files.is_asked = true;
        self.announce();
    }
}
