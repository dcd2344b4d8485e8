//! The files of a session: sending them with messages, what is where, fetching and releasing.

use std::{collections::BTreeSet, sync::PoisonError, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempo_clock::AuthorId;
use tempo_message::{
    Attachment, AttachmentId, CollectError, Kind, Manifest, MessageId, Part, Parts, Presence, Release, planted,
};

use crate::{
    api::session::Session,
    core::composing::Content as Composed,
    engine::{event::FolderState, fetching::staged, shared::Shared, state::State},
    errors::{FetchError, ReadError, SendError},
    store::{
        error::StoreError,
        files::{Content, FileRecord},
    },
};

/// A file that messages name, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileStatus {
    /// The file.
    pub id: AttachmentId,
    /// The length in bytes.
    #[serde(rename = "bytes")]
    pub length: u64,
    /// The number of its parts.
    pub parts: usize,
    /// The accepted messages that name it, in their order.
    #[serde(rename = "messages")]
    pub named_by: Vec<MessageId>,
    /// The authors that have released it since they named it.
    pub released_by: Vec<AuthorId>,
    /// How it goes into the folder, if it was attached here.
    pub sending: Option<Sending>,
    /// Where its content is.
    pub place: Place,
    /// Whether it is to be fetched.
    #[serde(rename = "wanted")]
    pub is_wanted: bool,
    /// The error that keeps it from being sent or fetched, if any.
    pub error: Option<String>,
}

/// How far a file has come that was attached here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sending {
    /// It is kept, and no message names it.
    Attached,
    /// Some of its parts are in the folder.
    Publishing {
        /// The number of parts that were put there.
        done: usize,
        /// The number of its parts.
        of: usize,
    },
    /// All parts were put into the folder.
    Published,
    /// The original has changed, or is gone, before all parts were published.
    Changed,
    /// Somebody has removed parts again after they were put back. They are not put back any more, unless
    /// [asked for](Session::put_back).
    Unwanted {
        /// The number of such parts.
        parts: usize,
    },
    /// Somebody has removed or deselected the directory of all own files on this machine. Nothing is put there.
    Deselected,
    /// It was released, and is removed when everybody is known to have the release for a week.
    Released,
}

/// Where the content of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Place {
    /// Parts are missing.
    Missing {
        /// The number of parts that the folder has, online or here.
        have: usize,
        /// The number of its parts.
        of: usize,
    },
    /// All parts are in the folder, some of them online only.
    Elsewhere,
    /// All parts are in the folder on this machine, by their names and lengths.
    Here,
    /// The session keeps all of it, checked.
    Kept,
}

impl Session {
    /// Sends a message that names files, which must be [attached](Self::attach) here. Their content follows the message part by
    /// part, and no message waits for it.
    ///
    /// # Durability
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`SendError`], [`SendError::NotAttached`] and [`SendError::Attachments`] among them.
    pub fn send_with(&self, payload: impl AsRef<[u8]>, files: &[Attachment]) -> Result<MessageId, SendError> {
        let state = self.shared().lock();
        for Attachment { manifest, .. } in files {
            let id = manifest.id();
            let record = state.files.records.get(&id).filter(|record| record.is_own && record.is_of(manifest));
            if !record.is_some_and(|record| matches!(record.content, Content::Kept | Content::Original(_))) {
                return Err(SendError::NotAttached { id });
            }
        }
        drop(state);
        let payload = Bytes::copy_from_slice(payload.as_ref());
        let content = Composed { kind: Kind::Payload, payload, attachments: files.to_vec() };
        let sent = self.shared().send(&[content])?;
        self.shared().ask_carrier();
        sent.first().copied().ok_or(SendError::Closed)
    }

    /// Returns what is known of a file; `None` if no accepted message names it and it was not attached here. Looks at the
    /// folder, which may take its time.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the message that names it cannot be read.
    pub fn file(&self, id: AttachmentId) -> Result<Option<FileStatus>, ReadError> {
        Ok(self.statuses(&[id])?.pop())
    }

    /// Returns the name, the media type and the description of a file, as an accepted message gives them; `None` if no message
    /// names it. Does not look at the folder.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the message that names it cannot be read.
    pub fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, ReadError> {
        Ok(self.shared().attachments(id)?.into_iter().next())
    }

    /// Returns every file that an accepted message names or that was attached here, as [`file`](Self::file) does, with one
    /// look at the folder.
    ///
    /// # Errors
    ///
    /// As for [`file`](Self::file).
    pub fn files(&self) -> Result<Vec<FileStatus>, ReadError> {
        let state = self.shared().lock();
        let named = state.core.files().map(|(id, _)| id);
        let mut ids: Vec<AttachmentId> = named.chain(state.files.records.keys().copied()).collect();
        drop(state);
        ids.sort_unstable();
        ids.dedup();
        self.statuses(&ids)
    }

    fn statuses(&self, ids: &[AttachmentId]) -> Result<Vec<FileStatus>, ReadError> {
        let mut described = Vec::with_capacity(ids.len());
        for id in ids {
            described.extend(self.shared().described(*id)?.into_iter().next());
        }
        let all: Vec<Part> = described.iter().flat_map(Manifest::parts).collect();
        let found = self.shared().with_parts(|parts| parts.look(None, &all)).ok().flatten().unwrap_or_default();
        let state = self.shared().lock();
        let mut found = found.as_slice();
        let status = described.iter().map(|manifest| {
            let (its, others) = found.split_at(manifest.count().min(found.len()));
            found = others;
            file_status(&state, manifest, its)
        });
        Ok(status.collect())
    }

    /// Asks for a file: its parts are fetched from the folder as they arrive, checked, and kept on this machine until it is
    /// [discarded](Self::discard). [`Event::File`](crate::Event::File) tells the progress,
    /// [`Event::Fetched`](crate::Event::Fetched) the end. The request survives the end of the process.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub fn fetch(&self, id: AttachmentId) -> Result<(), FetchError> {
        if self.shared().shelf.is_none() || self.shared().lock().files.has_no_carrier {
            return Err(FetchError::Unsupported);
        }
        self.shared().want_file(id)
    }

    /// Frees the room that a fetched file takes on this machine, or ends its fetching. The folder keeps it. An own file stays
    /// until it was [released](Self::release).
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub fn discard(&self, id: AttachmentId) -> Result<(), FetchError> {
        let keeper = self.shared().shelf.as_deref().ok_or(FetchError::Unsupported)?;
        let failed = |source| FetchError::Remove { id, source };
        let is_own = self.shared().lock().files.records.get(&id).is_some_and(|record| record.is_own);
        let discarded = |record: &mut FileRecord| {
            record.is_wanted = false;
            if !is_own {
                (record.content, record.fetched) = (Content::Missing, BTreeSet::new());
            }
            // What the carrier has staged before is in no file any more.
            self.shared().lock().files.discards += 1;
        };
        if planted!(ContentBeforeRecord) && !is_own {
            keeper.discard(&staged(id)).and_then(|()| keeper.remove(id)).map_err(failed)?;
        }
        // The record goes first: one of content that is gone would be believed.
        self.shared().change_file(id, discarded)?;
        if is_own {
            return Ok(());
        }
        keeper.discard(&staged(id)).and_then(|()| keeper.remove(id)).map_err(failed)
    }

    /// Says that own files are not needed any more for the messages that name them until now: they may be removed from the
    /// folder. Members hear of it and have a week at least to fetch them. Their parts are removed from the folder, and
    /// the copies on this machine, when every member is known to have this message for a week.
    ///
    /// # Durability
    ///
    /// As for [`send`](Self::send): it is a message, though not one in the timeline.
    ///
    /// # Errors
    ///
    /// [`SendError`]; [`SendError::NotAttached`] for a file that no message of this installation names.
    pub fn release(&self, ids: &[AttachmentId]) -> Result<(), SendError> {
        let state = self.shared().lock();
        let is_own = |id: &AttachmentId| state.core.namers(*id).iter().any(|namer| state.core.is_own(namer.author));
        if let Some(&id) = ids.iter().find(|id| !is_own(id)) {
            return Err(SendError::NotAttached { id });
        }
        drop(state);
        let releases = ids.chunks(Release::MAX).filter_map(|ids| Release::new(ids.iter().copied()));
        let contents = releases.map(|release| (Kind::Release, Bytes::from(release.to_bytes())).into());
        self.shared().send(&contents.collect::<Vec<_>>())?;
        self.shared().ask_carrier();
        Ok(())
    }

    /// Puts the parts of an own file back into the folder that somebody has removed, also those that are
    /// [unwanted](Sending::Unwanted), and those that are there and damaged. Where the directory of all own files was removed or
    /// [deselected](Sending::Deselected), it is made again, for all of them. Looks at the folder.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn put_back(&self, id: AttachmentId) -> Result<(), StoreError> {
        let home = self.shared().lock().home_of(id);
        let has_place = home.map(|home| self.shared().with_parts(|parts| parts.has_place(home)));
        // Whether a folder that is away has the place is asked when it is back.
        let is_gone = matches!(has_place, Some(Ok(Some(false))));
        let state = self.shared().lock();
        let own = state.files.records.iter().filter(|(_, record)| record.is_own && is_gone);
        let own: Vec<AttachmentId> = own.map(|(own, _)| *own).chain([id]).collect();
        drop(state);
        for id in own {
            self.shared().change_file(id, |record| record.puts.clear())?;
        }
        self.shared().ask_carrier();
        Ok(())
    }

    /// Returns whether no own file can be put into the folder now: the folder is away, or the last attempt with each failed.
    pub fn is_stuck(&self) -> bool {
        self.shared().lock().is_stuck()
    }

    /// Waits until every part of every own file was put into the folder, as [`flush`](Self::flush) does for messages. Returns
    /// the number of parts that were not.
    pub fn flush_files(&self, patience: Duration) -> usize {
        self.shared().wait_for_first_look(patience);
        self.shared().ask_carrier();
        let is_done = |state: &State| state.is_stuck() || !state.lifecycle.is_open() || state.unput() == 0;
        let mut state = self.shared().lock();
        loop {
            let before = state.unput();
            let has_moved = |state: &State| state.unput() < before || is_done(state);
            let (now, moved) = self.shared().wait_until(state, patience, has_moved);
            if !moved || is_done(&now) {
                return now.unput();
            }
            state = now;
        }
    }
}

impl State {
    fn is_stuck(&self) -> bool {
        let is_away = !matches!(self.folder, FolderState::Attached | FolderState::Unknown);
        is_away || self.files.has_no_carrier || self.are_all_stuck()
    }
}

impl Shared {
    /// Returns what is known of the content of a file.
    pub(crate) fn described(&self, id: AttachmentId) -> Result<Vec<Manifest>, ReadError> {
        let own = self.lock().files.records.get(&id).and_then(|record| record.manifest(id));
        let named = self.manifests(id)?;
        Ok(if named.is_empty() { own.into_iter().collect() } else { named })
    }

    /// Calls `work` with the parts in the folder; `None` where no files travel.
    pub(crate) fn with_parts<T>(
        &self,
        work: impl FnOnce(&mut dyn Parts) -> Result<T, CollectError>,
    ) -> Result<Option<T>, CollectError> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.as_mut().map(|parts| work(parts.as_mut())).transpose()
    }
}

fn file_status(state: &State, manifest: &Manifest, found: &[Presence]) -> FileStatus {
    let id = manifest.id();
    let record = state.files.records.get(&id);
    let namers = state.core.namers(id);
    let mut released_by: Vec<AuthorId> = namers.iter().map(|namer| namer.author).collect();
    released_by.sort_unstable();
    released_by.dedup();
    released_by.retain(|author| state.core.is_released(id, *author));
    FileStatus {
        id,
        length: manifest.length(),
        parts: manifest.count(),
        sending: record.filter(|record| record.is_own).map(|record| sending(state, id, record)),
        place: place(record, found, manifest.count()),
        is_wanted: record.is_some_and(|record| record.is_wanted),
        error: state.files.views.get(&id).and_then(|view| view.error.clone()),
        named_by: namers,
        released_by,
    }
}

fn sending(state: &State, id: AttachmentId, record: &FileRecord) -> Sending {
    let view = state.files.views.get(&id).cloned().unwrap_or_default();
    let is_named = state.core.namers(id).iter().any(|namer| state.core.is_own(namer.author));
    let of = record.hashes.len().max(1);
    let done = of - record.unput();
    match &record.content {
        _ if !is_named => Sending::Attached,
        _ if state.home_of(id).is_none() => Sending::Released,
        Content::Changed(_) if done < of => Sending::Changed,
        _ if view.is_deselected => Sending::Deselected,
        _ if view.unwanted > 0 => Sending::Unwanted { parts: view.unwanted },
        _ if done < of => Sending::Publishing { done, of },
        _ => Sending::Published,
    }
}

fn place(record: Option<&FileRecord>, found: &[Presence], of: usize) -> Place {
    let have = found.iter().filter(|presence| **presence >= Presence::Elsewhere).count();
    match record.map(|record| &record.content) {
        Some(Content::Kept | Content::Original(_)) => Place::Kept,
        _ if have < of => Place::Missing { have, of },
        _ if found.contains(&Presence::Elsewhere) => Place::Elsewhere,
        _ => Place::Here,
    }
}
