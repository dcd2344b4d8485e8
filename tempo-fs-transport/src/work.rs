//! The work of one collect: reading files and handing up what is in them, within the budget.

use std::{ffi::OsStr, time::Duration};

use tempo_message::{
    Arrival, BadHead, Collected, ForeignReason, Head, PendingReason, Taken, Unsupported, Want, planted,
};

use crate::{
    FileName,
    examine::{End, Examined, FileRead, examine},
    known::temporary,
    notes::Finding,
    place::{Item, Place},
};

/// So many files are looked at in one collect, whatever comes of them.
const MAX_EXAMINED: usize = 4096;

/// The work of one collect.
pub(crate) struct Work<'a> {
    want: &'a Want<'a>,
    take: &'a mut dyn FnMut(Arrival) -> Taken,
    pub(crate) collected: Collected,
    bytes: usize,
    examined: usize,
    /// Something was taken for good.
    pub(crate) progress: bool,
}

impl<'a> Work<'a> {
    pub(crate) fn new(want: &'a Want<'a>, take: &'a mut dyn FnMut(Arrival) -> Taken) -> Self {
        Self { want, take, collected: Collected::default(), bytes: 0, examined: 0, progress: false }
    }

    /// How many frames may be handed up in all.
    pub(crate) fn most(&self) -> usize {
        self.want.budget.frames
    }

    /// Whether the budget is used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.collected.frames >= self.want.budget.frames
            || self.bytes >= self.want.budget.bytes
            || self.examined >= MAX_EXAMINED
    }

    /// Hands up what a file held, from `offset` on, and notes what became of it.
    pub(crate) fn take_file(&mut self, file: FileRead, place: &mut Place, item: Item, offset: usize, now: Duration) {
        self.examined += 1;
        let kind = FileName::parse(&item.name);
        if kind == FileName::Head {
            return self.take_head(file, place, &item, now);
        }
        let (mut later, mut other_author, mut known) = (false, None, false);
        let author = place.author;
        let is_contested = match kind {
            FileName::Message(first) | FileName::Pack(first, _) => place.is_contested(first),
            _ => false,
        };
        let examined = examine(file, offset, &mut |frame| {
            let id = frame.id();
            if id.author != author && !planted!(AnyAuthorsFile) {
                other_author = Some(id.author);
                return true;
            }
            let is_packed_and_known = matches!(kind, FileName::Pack(..))
                && !is_contested
                && self.want.known.contains(author, id.counter)
                && !self.want.recheck.contains(&id);
            if is_packed_and_known {
                return true;
            }
            if self.is_exhausted() {
                return false;
            }
            self.collected.frames += 1;
            self.bytes += frame.bytes().len();
            match (self.take)(Arrival::Frame(frame)) {
                Taken::Known => {
                    known |= kind == FileName::Message(id.counter) && !is_contested;
                    self.progress = true;
                }
                Taken::Settled => self.progress = true,
                Taken::Later => later = true,
            }
            true
        });
        let finding = match examined.end {
            End::Stopped(offset) => {
                self.collected.more = true;
                return place.go_on(item, offset);
            }
            End::Vanished => {
                place.notes.forget(&item.name);
                return place.done(&item);
            }
            End::Read(finding) => finding,
        };
        let finding = finding.map(|finding| unless_temporary(finding, &item.name));
        let wrong = other_author.map(|found| Finding::Foreign(ForeignReason::Author { found }));
        match finding.or(wrong) {
            // Once it is known the name alone tells; what comes again must not be settled.
            None if known || later => place.notes.forget(&item.name),
            finding => place.notes.put(&item.name, examined.version, finding.unwrap_or(Finding::Settled), now),
        }
        if later {
            place.park(item);
        } else {
            place.done(&item);
        }
    }
    /// Hands up the head that a file holds. What is wrong with it, or that it is not here, keeps nothing waiting.
    fn take_head(&mut self, file: FileRead, place: &mut Place, item: &Item, now: Duration) {
        place.done(item);
        let (version, finding) = match file.into_content() {
            Ok((version, bytes)) => {
                let finding = match Head::decode(&bytes) {
                    Ok(head) if head.author == place.author => {
                        (self.take)(Arrival::Head(head));
                        Finding::Settled
                    }
                    Ok(head) => Finding::Foreign(ForeignReason::Author { found: head.author }),
                    Err(BadHead::Incomplete) => Finding::Pending(PendingReason::Incomplete { missing: 1 }),
                    Err(BadHead::Newer(version)) => {
                        Finding::Pending(PendingReason::Unsupported(Unsupported::Version(version)))
                    }
                    Err(bad) => Finding::Foreign(ForeignReason::BadHead(bad)),
                };
                (Some(version), finding)
            }
            Err(Examined { end: End::Vanished | End::Stopped(_), .. }) => return place.notes.forget(&item.name),
            Err(Examined { version, end: End::Read(Some(Finding::Pending(PendingReason::OnlineOnly)) | None) }) => {
                (version, Finding::Settled)
            }
            Err(Examined { version, end: End::Read(Some(finding)) }) => (version, finding),
        };
        place.notes.put(&item.name, version, unless_temporary(finding, &item.name), now);
    }
}

/// What a service is still writing beside a name of ours is its affair, until it is whole.
fn unless_temporary(finding: Finding, name: &OsStr) -> Finding {
    match (finding, temporary(name)) {
        (
            Finding::Pending(PendingReason::Incomplete { .. } | PendingReason::Changing)
            | Finding::Foreign(ForeignReason::Bad(_) | ForeignReason::BadHead(_)),
            Some(by),
        ) => Finding::Foreign(ForeignReason::Temporary { by }),
        (finding, _) => finding,
    }
}
