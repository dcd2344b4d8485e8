//! One collect: judging files and handing up their messages, within the budget.

use std::{
    ffi::{OsStr, OsString},
    sync::Arc,
};

use tempo_message::{
    Arrival, AuthorId, BadFrame, BadHead, CollectRequest, Collected, Decoded, Disposition, ForeignReason, Frame, Head,
    PendingReason, Unsupported, planted, restored_head,
};

use crate::{
    format::{
        known::{known, temporary},
        name::FileName,
    },
    read::file::{Content, FileRead, Unread},
    scan::{
        author_dir::{AuthorDir, Candidate},
        findings::{Finding, Span},
        placeholder::may_be_placeholder,
    },
};

/// The most files that one collect examines.
const MAX_EXAMINED: usize = 4096;

/// The work of one collect.
pub(crate) struct Work<'a> {
    want: &'a CollectRequest<'a>,
    take: &'a mut dyn FnMut(Arrival) -> Disposition,
    /// The scan that follows does not know what was handed up here.
    is_in_haste: bool,
    pub(crate) done: Done,
}

/// The results of a collect until now.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) collected: Collected,
    bytes: usize,
    examined: usize,
    /// An arrival was taken for good.
    pub(crate) progress: bool,
}

/// A file whose frames are being handed up.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The directory.
    pub(crate) dir: Arc<OsStr>,
    item: Candidate,
    /// The author of the directory.
    pub(crate) author: AuthorId,
    kind: FileName,
    is_contested: bool,
    span: Span,
    content: Content,
    /// The memory that it took when it was opened, in bytes.
    pub(crate) weight: usize,
    /// Some of it was refused.
    later: bool,
    known: bool,
    other_author: Option<AuthorId>,
}

impl Opened {
    /// Returns its directory and its name.
    pub(crate) fn place(&self) -> (&Arc<OsStr>, &OsString) {
        (&self.dir, &self.item.name)
    }

    /// Returns the next frame to be handed up, or `None` when none is left.
    pub(crate) fn next(&mut self) -> Option<&Frame> {
        self.content.peek()
    }
}

impl<'a> Work<'a> {
    /// Continues a collect.
    pub(crate) fn new(
        want: &'a CollectRequest<'a>,
        take: &'a mut dyn FnMut(Arrival) -> Disposition,
        done: Done,
    ) -> Self {
        Self { want, take, is_in_haste: false, done }
    }

    /// Begins a collect with files that hints have named, before the scan.
    pub(crate) fn in_haste(want: &'a CollectRequest<'a>, take: &'a mut dyn FnMut(Arrival) -> Disposition) -> Self {
        Self { is_in_haste: true, ..Self::new(want, take, Done::default()) }
    }

    /// Returns whether the scan follows.
    pub(crate) fn is_in_haste(&self) -> bool {
        self.is_in_haste
    }

    /// Returns whether all earlier findings are ignored.
    pub(crate) fn looks_anew(&self) -> bool {
        looks_anew(self.want)
    }

    /// Returns the most frames that may be handed up in all.
    pub(crate) fn most(&self) -> usize {
        self.want.budget.frames
    }

    /// Returns whether the budget is used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.done.collected.frames >= self.want.budget.frames
            || self.done.bytes >= self.want.budget.bytes
            || self.done.examined >= MAX_EXAMINED
    }

    /// Opens a file that was read. Its messages are handed up [one by one](Self::take_next), a head
    /// at once.
    pub(crate) fn open(
        &mut self,
        (dir, item): (Arc<OsStr>, Candidate),
        file: FileRead,
        author_dir: &mut AuthorDir,
    ) -> Option<Opened> {
        self.done.examined += 1;
        let kind = FileName::parse(&item.name);
        let FileRead { span, content } = file;
        let content = match content {
            Ok(content) => content,
            Err(Unread::Vanished) => {
                author_dir.vanished(&item);
                return None;
            }
            Err(Unread::Found(version, finding)) => {
                let (version, finding) = match finding {
                    // The content of a head may come without changing its version.
                    Finding::Pending(PendingReason::OnlineOnly) if kind == FileName::Head => (None, Finding::Done),
                    finding => (version, unless_temporary(finding, &item.name)),
                };
                author_dir.findings.put_read(&item.name, version, finding, span);
                author_dir.done(&item);
                return None;
            }
        };
        if kind == FileName::Head {
            let finding = unless_temporary(self.take_head(&content, &item.name, author_dir.author), &item.name);
            author_dir.findings.put_read(&item.name, Some(content.version), finding, span);
            author_dir.done(&item);
            return None;
        }
        let is_contested = match kind {
            FileName::Message(first) | FileName::Pack(first, _) => author_dir.is_contested(first),
            _ => false,
        };
        let mut opened = Opened {
            dir,
            item,
            author: author_dir.author,
            kind,
            is_contested,
            weight: content.weight(),
            span,
            content,
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
            Disposition::Known => {
                opened.known |= is_named && !opened.is_contested;
                self.done.progress = true;
            }
            Disposition::Done => self.done.progress = true,
            Disposition::Later => opened.later = true,
        }
        self.turn_over(opened);
    }

    /// Skips frames that are not handed up.
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

    /// Notes the finding about a file.
    pub(crate) fn close(&mut self, opened: Opened, author_dir: &mut AuthorDir) {
        let strange = self.strange(&opened);
        let Opened { item, span, content, later, known, other_author, .. } = opened;
        let version = Some(content.version);
        let finding = content.into_finding();
        let finding = finding.map(|finding| unless_temporary(finding, &item.name));
        let finding = finding.map(|finding| strange.unwrap_or(finding));
        let wrong = other_author.map(|found| Finding::Foreign(ForeignReason::Author { found }));
        match finding.or(wrong) {
            // From now on its name shows that it is known; a refused message must not count as read.
            None if later || (known && !self.is_in_haste) => author_dir.findings.forget(&item.name),
            finding => author_dir.findings.put_read(&item.name, version, finding.unwrap_or(Finding::Done), span),
        }
        if later {
            author_dir.park(item);
        } else {
            author_dir.done(&item);
        }
    }

    /// Judges a file that has the name of a conflict copy and does not begin like a message: it may
    /// be a placeholder of the message, and otherwise is none of ours.
    fn strange(&self, opened: &Opened) -> Option<Finding> {
        let FileName::Copy(first) = opened.kind else { return None };
        let (name, content) = (&opened.item.name, opened.content.bytes());
        let is_known = self.want.known.contains(opened.author, first);
        if temporary(name).is_some() || planted!(StrangeIsBad) {
            None
        } else if may_be_placeholder(name, content) {
            Some(Finding::Pending(PendingReason::PerhapsOnline))
        } else if matches!(Frame::decode(content), Decoded::Bad(BadFrame::Magic)) || (content.is_empty() && is_known) {
            Some(Finding::Foreign(known(name).unwrap_or(ForeignReason::Content)))
        } else {
            None
        }
    }

    /// Hands up the head in a file. A head that is damaged delays nothing.
    fn take_head(&mut self, content: &Content, name: &OsStr, author: AuthorId) -> Finding {
        let as_it_is = Head::decode(content.bytes());
        let whole = if as_it_is.is_ok() { Finding::Done } else { Finding::Converted };
        let restored = as_it_is.or_else(|bad| match bad {
            BadHead::Newer(_) => Err(bad),
            bad if planted!(ConvertedIsBad) => Err(bad),
            _ => restored_head(content.bytes()),
        });
        match restored {
            Ok(head) if head.author == author => {
                (self.take)(Arrival::Head(head));
                whole
            }
            Ok(head) => Finding::Foreign(ForeignReason::Author { found: head.author }),
            Err(BadHead::Newer(version)) => Finding::Pending(PendingReason::Unsupported(Unsupported::Version(version))),
            Err(_) if may_be_placeholder(name, content.bytes()) && !planted!(StrangeIsBad) => {
                Finding::Pending(PendingReason::PerhapsOnline)
            }
            Err(BadHead::Incomplete) => {
                content.unless_changing(Finding::Pending(PendingReason::Incomplete { missing: 1 }))
            }
            Err(bad) => content.unless_changing(Finding::Foreign(ForeignReason::BadHead(bad))),
        }
    }
}

/// Returns whether a request ignores all earlier findings.
pub(crate) fn looks_anew(want: &CollectRequest<'_>) -> bool {
    want.full || !want.recheck.is_empty()
}

/// A service may still be writing a temporary file beside ours.
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
