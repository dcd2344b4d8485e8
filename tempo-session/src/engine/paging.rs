//! Pages: what follows from the log, kept, so that opening does not take longer the more there is.

use std::{mem, ops::ControlFlow};

use serde::{Deserialize, Serialize};
use tempo_message::{Digest, MessageId};

use crate::engine::{
    driver::OwnMessages,
    preview::Preview,
    shared::{Shared, State},
};
use crate::{
    core::{
        event::Slot,
        session_core::SessionCore,
        snapshot::{Page, Resuming},
    },
    store::{
        contract::{Origin, Store},
        error::StoreError,
        marks::Marks,
    },
};

/// What of a session is in pages, and what is to come into the next ones.
#[derive(Debug, Default)]
pub(crate) struct Paging {
    /// After so many new messages there are pages again; `None`: never.
    after: Option<u64>,
    kept: Kept,
    /// What the last page of own messages has, unless it is full.
    tail: Vec<u8>,
    /// Messages by authors of this installation that are in no page yet.
    fresh: Vec<Own>,
}

/// How much is in pages.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// So many messages.
    end: u64,
    /// The bytes of the summary, which is written every time.
    summary: usize,
    /// The bytes of the pages of own messages.
    own: usize,
    /// The place in the log behind what they know.
    log: u64,
}

/// Pages that are to be kept together, and what is in pages then, if they are the last ones.
struct Next {
    pages: Vec<(Page, Vec<u8>)>,
    then: Option<Kept>,
}

/// A message of which an author of this installation is said to be the author.
#[derive(Debug, Clone, Copy)]
struct Own {
    id: MessageId,
    digest: Digest,
    origin: Origin,
    frame_len: u64,
}

/// What a session opens from: pages, or nothing; the rest is in the log.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) core: SessionCore,
    /// What the installation looks after.
    pub(crate) own: OwnMessages,
    pub(crate) paging: Paging,
    /// From where on the log has to be read.
    pub(crate) log: u64,
}

/// The page beside those of the core.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    format: u32,
    /// The place in the log behind everything that the pages know.
    log: u64,
    /// So many bytes the pages of own messages have.
    own: usize,
    /// The end of the timeline.
    preview: Preview,
}

/// How pages are written now. Others are as good as none: everything in them is in the log as well.
const FORMAT: u32 = 2;
/// So many pages are made and kept at once; meanwhile nobody can send.
const TOGETHER: usize = 64;
/// A summary may have so many bytes for each message that is new since the last one; it is seldom that long.
const BYTES: usize = 64;
/// The bytes of an own message in a page: its place, and the length of its frame with whether it was sent.
const ROW: usize = 8;
const SENT: u32 = 1 << 31;
/// The bytes of a page of own messages that is full; few where it is tried what becomes of many pages.
const OWN: usize = ROW * if cfg!(test) { 5 } else { 4000 };
/// With more new messages than this a session is closed without new pages, so that closing does not take long.
const LAST: u64 = 65_536;

impl Noted {
    /// What a page says, if it is of the present format.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (format, _): (u32, _) = postcard::take_from_bytes(bytes).ok()?;
        if format == FORMAT { postcard::from_bytes(bytes).ok() } else { None }
    }
}

impl Paging {
    pub(crate) fn new(after: Option<u64>) -> Self {
        Self { after, ..Self::default() }
    }

    /// A message by an author of this installation is, or will be, in the log.
    pub(crate) fn note(&mut self, (id, digest): (MessageId, Digest), origin: Origin, frame_len: u64) {
        if self.after.is_some() {
            self.fresh.push(Own { id, digest, origin, frame_len });
        }
    }

    /// Whether enough is new, of so many messages in all.
    pub(crate) fn is_due(&self, end: u64) -> bool {
        let least = u64::try_from(self.kept.summary / BYTES).unwrap_or(u64::MAX);
        self.after.is_some_and(|after| end.saturating_sub(self.kept.end) >= after.max(least).max(1))
    }
}

impl Own {
    /// What a page has of it; nothing, of what was refused after all.
    fn row(&self, core: &SessionCore) -> Option<[u8; ROW]> {
        let slot = core.slot(self.id, self.digest)?;
        let len = u32::try_from(self.frame_len).ok().filter(|len| len & SENT == 0)?;
        let len = if self.origin == Origin::Sent { len | SENT } else { len };
        Some((u64::from(len) << 32 | u64::from(slot.0)).to_le_bytes())
    }

    /// The message that a page has, and the length of its frame, if the installation looks after it: it was sent, or is of one
    /// of its former authors.
    fn in_row(row: [u8; ROW], core: &SessionCore) -> Option<((MessageId, Digest), u64)> {
        let row = u64::from_le_bytes(row);
        let (slot, len) = (Slot(u32::try_from(row & u64::from(u32::MAX)).ok()?), u32::try_from(row >> 32).ok()?);
        let (id, (_, digest)) = core.id(slot).zip(core.order(slot))?;
        let is_own = len & SENT != 0 || core.former().contains(&id.author);
        is_own.then_some(((id, digest), u64::from(len & !SENT)))
    }
}

impl Resumed {
    /// Goes on from the pages of a store, if they hold together; `after` so many new messages there are to be new ones.
    pub(crate) fn from(store: &dyn Store, marks: &Marks, after: Option<u64>) -> Result<Self, StoreError> {
        let (log_end, mut noted) = (store.log_end()?, None);
        let (mut rows, mut resuming) = (Vec::new(), Resuming::default());
        let read = store.pages(&mut |page, bytes| {
            match (page, &noted) {
                (Page::Session, _) => noted = Noted::of(bytes).filter(|noted| noted.log <= log_end),
                (_, None) => return ControlFlow::Break(()),
                // Others are of earlier pages, which had more.
                (Page::Own(_), Some(noted)) if rows.len() >= noted.own => {}
                (Page::Own(_), Some(_)) => rows.extend_from_slice(bytes),
                (page, Some(_)) => resuming.take(page, bytes),
            }
            ControlFlow::Continue(())
        });
        let noted = noted.filter(|noted| read.is_ok() && noted.own == rows.len());
        let resumed = noted.and_then(|noted| Some((resuming.finish(marks.author())?, noted)));
        let Some((core, noted)) = resumed else { return Ok(Self::nothing(marks, after)) };
        let core = core.restored_by(marks);
        let own = rows.as_chunks().0.iter().filter_map(|row| Own::in_row(*row, &core)).collect();
        let kept = Kept { end: core.end(), summary: 0, own: noted.own, log: noted.log };
        let tail = rows.split_off(rows.len() / OWN * OWN);
        Ok(Self { core, own, paging: Paging { kept, tail, ..Paging::new(after) }, log: noted.log })
    }

    /// The end of the timeline, if pages say that they have everything that the store has.
    pub(crate) fn preview(store: &dyn Store) -> Result<Option<Preview>, StoreError> {
        let (log_end, mut noted) = (store.log_end()?, None);
        let read = store.pages(&mut |page, bytes| {
            noted = Noted::of(bytes).filter(|noted| page == Page::Session && noted.log == log_end);
            ControlFlow::Break(())
        });
        Ok(noted.filter(|_| read.is_ok()).map(|noted| noted.preview))
    }

    /// Everything is in the log.
    pub(crate) fn nothing(marks: &Marks, after: Option<u64>) -> Self {
        let core = SessionCore::new(marks.author()).restored_by(marks);
        Self { core, own: OwnMessages::new(), paging: Paging::new(after), log: 0 }
    }
}

impl SessionCore {
    fn restored_by(mut self, marks: &Marks) -> Self {
        self.handle_restored(marks.former(), marks.lives.clone());
        self
    }
}

impl State {
    /// Whether it is time for pages, and they can be made.
    fn is_page_due(&self) -> bool {
        self.paging.is_due(self.core.end()) && self.can_have_pages()
    }

    /// Whether what the core knows is what the log says. An own message that waits for others has no place yet by which a page
    /// could name it.
    fn can_have_pages(&self) -> bool {
        let waits = || self.paging.fresh.iter().any(|own| self.core.is_held(own.digest));
        self.core.is_whole() && self.is_saved() && (self.core.held_len() == 0 || !waits())
    }

    /// The next pages; `log` is the place behind everything that the core knows.
    fn next_pages(&mut self, log: u64) -> Next {
        let mut pages = self.core.next_pages(TOGETHER);
        if pages.len() == TOGETHER {
            if self.paging.kept.end == 0 {
                // Whatever pages there may be of earlier, they are no more.
                pages.push((Page::Session, Vec::new()));
            }
            return Next { pages, then: None };
        }
        let fresh = mem::take(&mut self.paging.fresh);
        let full = self.paging.kept.own / OWN;
        let mut rows = mem::take(&mut self.paging.tail);
        rows.extend(fresh.iter().filter_map(|own| own.row(&self.core)).flatten());
        let own = full * OWN + rows.len();
        if own > self.paging.kept.own {
            let numbers = u32::try_from(full).unwrap_or(u32::MAX)..;
            pages.extend(numbers.zip(rows.chunks(OWN)).map(|(number, rows)| (Page::Own(number), rows.to_vec())));
        }
        self.paging.tail = rows.split_off(rows.len() / OWN * OWN);
        let noted = Noted { format: FORMAT, log, own, preview: Preview::of(&self.core) };
        pages.push((Page::Session, postcard::to_extend(&noted, Vec::new()).unwrap_or_default()));
        let known = self.core.summary_pages();
        let summary = known.first().map_or(0, |(_, summary)| summary.len());
        pages.extend(known);
        Next { pages, then: Some(Kept { end: self.core.end(), summary, own, log }) }
    }
}

impl Shared {
    /// Keeps the next pages if enough is new, and nothing is on its way into the store; whether there are more to be kept.
    pub(crate) fn keep_pages(&self) -> Result<bool, StoreError> {
        if !self.lock().is_page_due() {
            return Ok(false);
        }
        self.keep_pages_if(|state, _| state.is_page_due())
    }

    /// Keeps pages of what is new before the session is closed, if that is not very much.
    pub(crate) fn keep_last_pages(&self) -> Result<(), StoreError> {
        let is_new = |state: &State, log| {
            let Paging { after, kept, .. } = &state.paging;
            let is_little = state.core.end().saturating_sub(kept.end) <= LAST;
            after.is_some() && log > kept.log && is_little && state.can_have_pages()
        };
        while self.keep_pages_if(is_new)? {}
        Ok(())
    }

    fn keep_pages_if(&self, is_due: impl Fn(&State, u64) -> bool) -> Result<bool, StoreError> {
        // Meanwhile nothing is committed.
        let _writer = self.writer();
        let log = self.with_store(|store| store.log_end())?;
        let mut state = self.lock();
        if !is_due(&state, log) {
            return Ok(false);
        }
        let Next { pages, then } = state.next_pages(log);
        drop(state);
        let kept = self.with_store(|store| store.keep_pages(&pages));
        let paging = &mut self.lock().paging;
        match (&kept, then) {
            (Ok(()), Some(then)) => paging.kept = then,
            (Ok(()), None) => {}
            // Which of them are kept is unknown; the log has everything.
            (Err(_), _) => *paging = Paging::default(),
        }
        kept.map(|()| then.is_none())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempo_clock::AuthorId;
    use tempo_message::{Durability, Kind, MemoryMedium, Transport};
    use uuid::Uuid;

    use super::*;
    use crate::{
        api::parts::Parts,
        api::session::Session,
        engine::driver::{Driver, Turn},
        store::{contract::Store, memory::MemoryStore},
    };

    /// A session on this store.
    fn open(medium: &MemoryMedium, store: &MemoryStore) -> (Session, Driver) {
        let parts = Parts { pages_after: Some(6), ..Parts::new(Box::new(medium.transport()), Box::new(store.clone())) };
        Session::assemble(parts).unwrap()
    }

    fn drain(driver: &mut Driver) {
        while driver.turn() == Turn::Again {}
    }

    /// What the log says alone.
    fn from_log(store: &MemoryStore) -> Resumed {
        let mut resumed = Resumed::nothing(&store.marks().unwrap(), None);
        resumed.restore(|each| store.restore(0, each)).unwrap();
        resumed
    }

    /// An own message that waits for another one is not forgotten by pages that cannot name it.
    #[test]
    fn what_waits_is_looked_after_when_it_is_accepted() {
        let [former, author] = [1, 2].map(|number| AuthorId::new(Uuid::from_u128(number)));
        let frames =
            SessionCore::new(Some(former)).compose((0..9).map(|n| (Kind::Payload, vec![n].into())), 5).unwrap();
        let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(former)));
        store.set_marks(&Marks::new(Some(former)).succeeded_by(author)).unwrap();
        let mut transport = medium.transport();
        transport.join(former).unwrap();
        for late in [&frames[1..], &frames[..1]] {
            for frame in late {
                transport.publish(frame, Durability::Durable).unwrap();
            }
            let (session, mut driver) = open(&medium, &store);
            drain(&mut driver);
            session.close_within(Duration::ZERO).unwrap();
            let from_pages = Resumed::from(&store, &store.marks().unwrap(), None).unwrap();
            let waits = from_log(&store).core.held_len() > 0;
            assert_eq!(waits, late.len() > 1);
            assert_eq!(from_pages.log, if waits { 0 } else { store.log_end().unwrap() });
        }
        let from_pages = Resumed::from(&store, &store.marks().unwrap(), None).unwrap();
        assert!(from_pages.own.len() >= frames.len());
        assert_eq!(from_pages.own, from_log(&store).own);
    }

    /// However few a session adds before it is closed: the next one opens from pages, few of them, and looks after the same
    /// as one that reads the log.
    #[test]
    fn every_session_leaves_everything_in_pages_when_it_is_closed() {
        let author = AuthorId::new(Uuid::from_u128(1));
        let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author)));
        let mut messages = 0;
        for sent in [1, 0, 2, 3, 7, 1, 16, 4, 5] {
            let (session, mut driver) = open(&medium, &store);
            for number in 0..sent {
                session.send(format!("message {number}")).unwrap();
                drain(&mut driver);
            }
            session.close_within(Duration::ZERO).unwrap();
            messages += sent;
            let from_pages = Resumed::from(&store, &store.marks().unwrap(), None).unwrap();
            assert_eq!((from_pages.log, from_pages.own.len()), (store.log_end().unwrap(), messages));
            assert_eq!(from_pages.own, from_log(&store).own);
            let mut own = Vec::new();
            let mut note = |page, bytes: &[u8]| {
                own.extend(matches!(page, Page::Own(_)).then_some(bytes.len()));
                ControlFlow::Continue(())
            };
            store.pages(&mut note).unwrap();
            assert_eq!((own.len(), own.iter().sum()), (messages.div_ceil(OWN / ROW), messages * ROW));
        }
    }
}
