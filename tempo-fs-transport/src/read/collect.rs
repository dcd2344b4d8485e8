//! The work of one collect: reading files and handing up what is in them, within the budget.

use std::{
    ffi::{OsStr, OsString},
    sync::Arc,
};

use tempo_message::{
    Arrival, AuthorId, BadFrame, BadHead, Collected, Decoded, ForeignReason, Frame, Head, PendingReason, Taken,
    Unsupported, Want, planted, restored_head,
};

use crate::{
    format::{
        known::{known, temporary},
        name::FileName,
    },
    read::file::{Content, End, Examined, FileRead},
    scan::{
        author_dir::{Item, Place},
        findings::{Finding, Span},
        placeholder::may_be_stand_in,
    },
};

/// So many files are looked at in one collect, whatever comes of them.
const MAX_EXAMINED: usize = 4096;

/// The work of one collect.
pub(crate) struct Work<'a> {
    want: &'a Want<'a>,
    take: &'a mut dyn FnMut(Arrival) -> Taken,
    /// The directory is listed afterwards, by one who does not know what was taken meanwhile.
    is_in_haste: bool,
    pub(crate) done: Done,
}

/// What a collect has done until now.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) collected: Collected,
    bytes: usize,
    examined: usize,
    /// Something was taken for good.
    pub(crate) progress: bool,
}

/// A file whose frames are being handed up.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The directory.
    pub(crate) dir: Arc<OsStr>,
    item: Item,
    /// Whose directory it is.
    pub(crate) author: AuthorId,
    kind: FileName,
    is_contested: bool,
    span: Span,
    content: Content,
    /// So much memory it took when it was opened, in bytes.
    pub(crate) weight: usize,
    /// Nobody had room for some of it.
    later: bool,
    known: bool,
    other_author: Option<AuthorId>,
}

impl Opened {
    /// Its directory and its name.
    pub(crate) fn place(&self) -> (&Arc<OsStr>, &OsString) {
        (&self.dir, &self.item.name)
    }

    /// The next frame to be handed up; `None` when there is none left.
    pub(crate) fn next(&mut self) -> Option<&Frame> {
        self.content.peek()
    }
}

impl<'a> Work<'a> {
    /// Work that goes on behind what the same collect has done before.
    pub(crate) fn new(want: &'a Want<'a>, take: &'a mut dyn FnMut(Arrival) -> Taken, done: Done) -> Self {
        Self { want, take, is_in_haste: false, done }
    }

    /// Work on files of which it is not known whether they have been listed.
    pub(crate) fn in_haste(want: &'a Want<'a>, take: &'a mut dyn FnMut(Arrival) -> Taken) -> Self {
        Self { is_in_haste: true, ..Self::new(want, take, Done::default()) }
    }

    /// Whether the directory is listed afterwards.
    pub(crate) fn is_in_haste(&self) -> bool {
        self.is_in_haste
    }

    /// Whether nothing that was seen before counts.
    pub(crate) fn looks_anew(&self) -> bool {
        looks_anew(self.want)
    }

    /// How many frames may be handed up in all.
    pub(crate) fn most(&self) -> usize {
        self.want.budget.frames
    }

    /// Whether the budget is used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.done.collected.frames >= self.want.budget.frames
            || self.done.bytes >= self.want.budget.bytes
            || self.done.examined >= MAX_EXAMINED
    }

    /// Opens a file that was read. What it holds is handed up [frame by frame](Self::take_next); of a head everything at once.
    pub(crate) fn open(
        &mut self,
        (dir, item): (Arc<OsStr>, Item),
        file: FileRead,
        place: &mut Place,
    ) -> Option<Opened> {
        self.done.examined += 1;
        let kind = FileName::parse(&item.name);
        if kind == FileName::Head {
            self.take_head(file, place, &item);
            return None;
        }
        let is_contested = match kind {
            FileName::Message(first) | FileName::Pack(first, _) => place.is_contested(first),
            _ => false,
        };
        let mut opened = Opened {
            dir,
            item,
            author: place.author,
            kind,
            is_contested,
            weight: file.weight(),
            span: file.span,
            content: Content::of(file),
            later: false,
            known: false,
            other_author: None,
        };
        self.turn_over(&mut opened);
        Some(opened)
    }

    /// Hands up the next frame of a file.
    pub(crate) fn take_next(&mut self, opened: &mut Opened) {
        let Some(frame) = opened.content.next() else { return };
        self.done.collected.frames += 1;
        self.done.bytes += frame.bytes().len();
        let is_named = opened.kind == FileName::Message(frame.id().counter);
        match (self.take)(Arrival::Frame(frame)) {
            Taken::Known => {
                opened.known |= is_named && !opened.is_contested;
                self.done.progress = true;
            }
            Taken::Settled => self.done.progress = true,
            Taken::Later => opened.later = true,
        }
        self.turn_over(opened);
    }

    /// Looks for the next frame that is to be handed up.
    fn turn_over(&self, opened: &mut Opened) {
        let Opened { content, author, other_author, .. } = opened;
        let is_pack = matches!(opened.kind, FileName::Pack(..)) && !opened.is_contested;
        while let Some(frame) = content.peek() {
            let id = frame.id();
            let is_of_other = id.author != *author && !planted!(AnyAuthorsFile);
            let is_known = || self.want.known.contains(id.author, id.counter) && !self.want.recheck.contains(&id);
            if is_of_other {
                *other_author = Some(id.author);
            } else if !(is_pack && is_known()) {
                return;
            }
            content.next();
        }
    }

    /// Puts down what became of a file.
    pub(crate) fn close(&mut self, opened: Opened, place: &mut Place) {
        let strange = self.strange(&opened);
        let Opened { item, span, content, later, known, other_author, .. } = opened;
        let examined = content.into_examined();
        let finding = match examined.end {
            End::Vanished => return place.vanished(&item),
            End::Read(finding) => finding,
        };
        let finding = finding.map(|finding| unless_temporary(finding, &item.name));
        let finding = finding.map(|finding| strange.unwrap_or(finding));
        let wrong = other_author.map(|found| Finding::Foreign(ForeignReason::Author { found }));
        match finding.or(wrong) {
            // Once it is known the name alone tells; what comes again must not be settled.
            None if later || (known && !self.is_in_haste) => place.notes.forget(&item.name),
            finding => place.notes.put_read(&item.name, examined.version, finding.unwrap_or(Finding::Settled), span),
        }
        if later {
            place.park(item);
        } else {
            place.done(&item);
        }
    }

    /// What a file is whose name goes on after one of ours, and that does not begin like a message: perhaps it stands for the
    /// message, and otherwise it is none of ours.
    fn strange(&self, opened: &Opened) -> Option<Finding> {
        let FileName::Copy(first) = opened.kind else { return None };
        let (name, content) = (&opened.item.name, opened.content.bytes()?);
        let is_known = self.want.known.contains(opened.author, first);
        if temporary(name).is_some() || planted!(StrangeIsBad) {
            None
        } else if may_be_stand_in(name, content) {
            Some(Finding::Pending(PendingReason::PerhapsOnline))
        } else if matches!(Frame::decode(content), Decoded::Bad(BadFrame::Magic)) || (content.is_empty() && is_known) {
            Some(Finding::Foreign(known(name).unwrap_or(ForeignReason::Content)))
        } else {
            None
        }
    }

    /// Hands up the head that a file holds. What is wrong with it, or that it is not here, keeps nothing waiting.
    fn take_head(&mut self, file: FileRead, place: &mut Place, item: &Item) {
        place.done(item);
        let span = file.span;
        let (version, finding) = match file.into_content() {
            Ok(bare) => {
                let as_it_is = Head::decode(&bare.bytes);
                let whole = if as_it_is.is_ok() { Finding::Settled } else { Finding::Converted };
                let restored = as_it_is.or_else(|bad| match bad {
                    BadHead::Newer(_) => Err(bad),
                    bad if planted!(ConvertedIsBad) => Err(bad),
                    _ => restored_head(&bare.bytes),
                });
                let finding = match restored {
                    Ok(head) if head.author == place.author => {
                        (self.take)(Arrival::Head(head));
                        whole
                    }
                    Ok(head) => Finding::Foreign(ForeignReason::Author { found: head.author }),
                    Err(BadHead::Newer(version)) => {
                        Finding::Pending(PendingReason::Unsupported(Unsupported::Version(version)))
                    }
                    Err(_) if may_be_stand_in(&item.name, &bare.bytes) && !planted!(StrangeIsBad) => {
                        Finding::Pending(PendingReason::PerhapsOnline)
                    }
                    Err(BadHead::Incomplete) => {
                        bare.unless_changing(Finding::Pending(PendingReason::Incomplete { missing: 1 }))
                    }
                    Err(bad) => bare.unless_changing(Finding::Foreign(ForeignReason::BadHead(bad))),
                };
                (Some(bare.version), finding)
            }
            Err(Examined { end: End::Vanished, .. }) => return place.vanished(item),
            // It may come without looking any different.
            Err(Examined { end: End::Read(Some(Finding::Pending(PendingReason::OnlineOnly)) | None), .. }) => {
                (None, Finding::Settled)
            }
            Err(Examined { version, end: End::Read(Some(finding)) }) => (version, finding),
        };
        place.notes.put_read(&item.name, version, unless_temporary(finding, &item.name), span);
    }
}

/// Whether nothing that was seen before counts for who asks so.
pub(crate) fn looks_anew(want: &Want<'_>) -> bool {
    want.full || !want.recheck.is_empty()
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
