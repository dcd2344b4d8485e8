//! What a core knows, as pages: whoever has kept them goes on from there, and need not be told everything again.

use std::{collections::BTreeSet, mem, sync::Arc};

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, LogicalClock, Seen};
use tempo_message::{Digest, MessageId, Parent};

use super::order::{ledger, timeline::Timeline};
use crate::core::{
    identity::heads::Heads,
    order::{header::Header, ledger::Ledger, tips::Tips},
    session_core::SessionCore,
};

/// A page. They are handed up in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// What the session notes beside the core.
    Session,
    /// Messages that the installation looks after.
    Own(u32),
    /// Everything of the core but the following.
    Summary,
    /// Messages of one author.
    Block(u32),
    /// A stretch of the timeline.
    Order(u32),
}

/// A core that is put together from pages.
#[derive(Debug, Default)]
pub struct Resuming {
    summary: Option<Summary>,
    ledger: Option<ledger::Resuming>,
    timeline: Timeline,
    is_damaged: bool,
}

/// What a summary says, as it is read.
#[derive(Debug, Deserialize)]
struct Summary {
    beside: Beside,
    ledger: Ledger,
    tips: Tips,
    heads: Heads,
    seen: Seen,
    held: Vec<Header>,
    impostors: BTreeSet<(MessageId, Digest)>,
}

/// The same, as it is written: field by field as above.
#[derive(Serialize)]
struct Known<'a> {
    beside: Beside,
    ledger: &'a Ledger,
    tips: &'a Tips,
    heads: &'a Heads,
    seen: &'a Seen,
    held: Vec<Header>,
    impostors: &'a BTreeSet<(MessageId, Digest)>,
}

/// Who wrote the pages, and how much there is in those that are not the summary.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Beside {
    me: Option<AuthorId>,
    own_last: Option<Parent>,
    blocks: usize,
    timeline: usize,
}

impl SessionCore {
    /// The next pages of what is accepted that are not kept yet, at most so many. From here on they count as kept; they mean
    /// nothing before the next summary is.
    pub fn next_pages(&mut self, most: usize) -> Vec<(Page, Vec<u8>)> {
        let blocks = self.ledger.next_pages(most);
        blocks.into_iter().map(|(number, page)| (Page::Block(number), page)).collect()
    }

    /// Whether everything that was handed in is here: nothing had to give way, and nothing waits to be judged.
    pub fn is_whole(&self) -> bool {
        self.accepted.is_empty() && !self.is_partial
    }

    /// Everything that ever was handed in is handed in once more.
    pub fn begin_again(&mut self) {
        self.is_partial = false;
    }

    /// The pages that make those before valid, to be kept together; only when it [is whole](Self::is_whole) and there is no
    /// [other page](Self::next_pages) left.
    pub fn summary_pages(&mut self) -> Vec<(Page, Vec<u8>)> {
        let known = Known {
            beside: Beside {
                me: self.identity.me,
                own_last: self.own_last,
                blocks: self.ledger.blocks(),
                timeline: self.timeline.len(),
            },
            ledger: &self.ledger,
            tips: &self.tips,
            heads: &self.heads,
            seen: &self.seen,
            held: self.held.iter().map(|(message, digest)| Header::of(message, digest)).collect(),
            impostors: &self.identity.impostors,
        };
        // Into a vector, and of types that all can be written.
        let summary = postcard::to_extend(&known, Vec::new()).unwrap_or_default();
        let order = self.timeline.next_pages().into_iter().map(|(number, page)| (Page::Order(number), page));
        [(Page::Summary, summary)].into_iter().chain(order).collect()
    }
}

impl Resuming {
    /// Takes the next page.
    pub fn take(&mut self, page: Page, bytes: &[u8]) {
        let is_fine = match (page, &self.summary, &mut self.ledger) {
            (Page::Summary, None, _) => self.take_summary(bytes).is_some(),
            (Page::Block(number), _, Some(ledger)) => ledger.take(number, bytes),
            (Page::Order(_), Some(summary), _) => {
                self.timeline.resume(bytes, summary.beside.timeline);
                true
            }
            (Page::Session | Page::Own(_), ..) => true,
            _ => false,
        };
        self.is_damaged |= !is_fine;
    }

    /// The core of a member that is this author now; `None` when the pages say nothing that holds together.
    pub fn finish(self, me: Option<AuthorId>) -> Option<SessionCore> {
        let summary =
            self.summary.filter(|summary| !self.is_damaged && self.timeline.len() == summary.beside.timeline)?;
        let mut core = SessionCore::new(me);
        core.ledger = self.ledger?.finish()?;
        for author in core.ledger.authors() {
            let latest = core.ledger.latest(author)?.lamport;
            core.clock.observe(latest);
            core.stability.raise(author, latest);
        }
        (core.timeline, core.tips, core.heads) = (self.timeline, summary.tips, summary.heads);
        core.seen = Arc::new(summary.seen);
        for header in summary.held {
            let (message, digest) = header.into_message()?;
            let (_, missing) = core.ledger.causes_of(&message);
            core.held.hold(message, digest, &missing);
        }
        // Whoever has become somebody else since has sent nothing yet.
        if summary.beside.me == me {
            (core.own_last, core.identity.impostors) = (summary.beside.own_last, summary.impostors);
        }
        Some(core)
    }

    fn take_summary(&mut self, bytes: &[u8]) -> Option<()> {
        let mut summary: Summary = postcard::from_bytes(bytes).ok()?;
        self.ledger = Some(ledger::Resuming::new(mem::take(&mut summary.ledger), summary.beside.blocks));
        self.summary = Some(summary);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use proptest::prelude::*;
    use tempo_message::{Frame, Kind};
    use uuid::Uuid;

    use super::*;

    /// Of four that write, the last one is a copy of the first one's store.
    const WRITERS: usize = 4;

    fn author(writer: usize) -> AuthorId {
        AuthorId::new(Uuid::from_u128(u128::try_from(writer % (WRITERS - 1)).unwrap() + 1))
    }

    /// Who writes, what it is, and of which other writers it has seen everything until then.
    type Step = (usize, u8, [bool; WRITERS]);

    /// What they write, and who has written it.
    fn written(steps: Vec<Step>) -> Vec<(usize, Frame)> {
        let mut cores: Vec<SessionCore> = (0..WRITERS).map(|writer| SessionCore::new(Some(author(writer)))).collect();
        let mut all: Vec<(usize, Frame)> = Vec::new();
        for (unix_ms, (writer, kind, has_seen)) in (0_i64..).zip(steps) {
            let core = &mut cores[writer];
            for (other, frame) in all.iter().filter(|(other, _)| has_seen[*other] && author(*other) != author(writer)) {
                assert_ne!(other, &writer);
                core.handle_received(frame.message(), frame.digest());
            }
            let content = match kind {
                0 => (Kind::Profile, Bytes::from(format!("number {unix_ms}"))),
                1 => (Kind::Successor, Bytes::copy_from_slice(author(writer + 1).as_bytes())),
                _ => (Kind::Payload, Bytes::from(vec![kind; 3])),
            };
            // Whoever waits for what it was not told of writes nothing.
            for frame in core.compose([content], unix_ms % 7).unwrap_or_default() {
                core.handle_sent(frame.message(), frame.digest());
                all.push((writer, frame));
            }
        }
        all
    }

    fn take(core: &mut SessionCore, (writer, frame): &(usize, Frame)) {
        if *writer == 0 {
            core.handle_sent(frame.message(), frame.digest());
        } else {
            core.handle_received(frame.message(), frame.digest());
        }
        while core.go_on() {}
        while core.poll_event().is_some() {}
    }

    /// Everything that can be asked of a core.
    fn known(core: &mut SessionCore) -> impl PartialEq + std::fmt::Debug + use<> {
        let timeline: Vec<_> =
            core.timeline().iter().map(|&slot| (core.id(slot), core.order(slot), core.number(slot))).collect();
        let floors = core.stability.clone();
        let waiting = core.held(usize::MAX);
        let summary = core.summary_pages().swap_remove(0);
        (timeline, floors, waiting, core.latest(), core.conflict(), summary)
    }

    /// A core from pages and what the log has behind them.
    fn resumed(pages: &BTreeMap<Page, Vec<u8>>, rest: &[(usize, Frame)]) -> SessionCore {
        let mut resuming = Resuming::default();
        for (page, bytes) in pages {
            resuming.take(*page, bytes);
        }
        let mut core = resuming.finish(Some(author(0))).unwrap_or_else(|| SessionCore::new(Some(author(0))));
        for frame in rest {
            take(&mut core, frame);
        }
        core
    }

    proptest! {
        /// Whatever arrives in whatever order, and whenever pages are kept, whole or in part: who goes on from them, with what
        /// has come since, knows what it would know from the log.
        #[test]
        fn pages_and_the_rest_of_the_log_are_as_good_as_the_log(
            steps in prop::collection::vec((0..WRITERS, 0_u8..6, any::<[bool; WRITERS]>()), 1..60),
            order in prop::collection::vec(0_usize..4, 60),
            acts in prop::collection::vec((0_u8..6, 1_usize..5), 60),
        ) {
            let mut log = written(steps);
            for (at, away) in order.into_iter().enumerate() {
                if at + away < log.len() {
                    log.swap(at, at + away);
                }
            }
            let [mut plain, mut paged] = [(); 2].map(|()| SessionCore::new(Some(author(0))));
            let (mut pages, mut behind) = (BTreeMap::new(), 0);
            for (number, (frame, (act, most))) in log.iter().zip(acts).enumerate() {
                take(&mut plain, frame);
                take(&mut paged, frame);
                if act < 3 && paged.is_whole() {
                    let some = paged.next_pages(most);
                    let is_last = some.len() < most;
                    pages.extend(some);
                    if is_last {
                        pages.extend(paged.summary_pages());
                        behind = number + 1;
                    }
                }
                if act == 4 && let Some(lost) = log.get(number + 2) {
                    // What has been accepted last is not in the log after a loss of power.
                    take(&mut paged, lost);
                    pages.extend(paged.next_pages(most));
                }
                if act >= 4 {
                    paged = resumed(&pages, &log[behind..=number]);
                }
            }
            prop_assert_eq!(pages.contains_key(&Page::Summary), behind > 0);
            let mut again = resumed(&pages, &log[behind..]);
            prop_assert_eq!(known(&mut paged), known(&mut plain));
            prop_assert_eq!(known(&mut again), known(&mut plain));
        }
    }

    /// Pages of a state that was lost must not count once there are as many messages again.
    #[test]
    fn what_was_lost_does_not_come_back_with_a_page() {
        let log = written([1, 2, 1, 2].map(|writer| (writer, 2, [false; WRITERS])).to_vec());
        let (mut core, mut pages) = (SessionCore::new(Some(author(0))), BTreeMap::new());
        log[..2].iter().for_each(|frame| take(&mut core, frame));
        pages.extend(core.next_pages(usize::MAX));
        pages.extend(core.summary_pages());
        take(&mut core, &log[2]);
        pages.extend(core.next_pages(usize::MAX));
        let mut core = resumed(&pages, &log[3..]);
        pages.extend(core.next_pages(usize::MAX));
        pages.extend(core.summary_pages());
        let core = resumed(&pages, &[]);
        let ids: Vec<_> = core.timeline().iter().filter_map(|&slot| core.id(slot)).collect();
        assert_eq!(ids, [&log[0], &log[1], &log[3]].map(|(_, frame)| frame.id()));
    }

    #[test]
    fn of_pages_that_do_not_hold_together_nothing_is_taken() {
        let mut core = SessionCore::new(None);
        for frame in &written((0..9).map(|number| (number % 3, 2, [true; WRITERS])).collect()) {
            take(&mut core, frame);
        }
        let mut pages = core.next_pages(usize::MAX);
        pages.extend(core.summary_pages());
        pages.sort();
        let resumed = |pages: &[(Page, Vec<u8>)]| {
            let mut resuming = Resuming::default();
            for (page, bytes) in pages {
                resuming.take(*page, bytes);
            }
            resuming.finish(None)
        };
        assert_eq!(resumed(&pages).map(|core| core.end()), Some(9));
        for at in 0..pages.len() {
            let mut without = pages.clone();
            without.remove(at);
            assert!(resumed(&without).is_none(), "without {:?}", pages[at].0);
            let mut cut = pages.clone();
            cut[at].1.truncate(pages[at].1.len() / 2);
            assert!(resumed(&cut).is_none(), "half of {:?}", pages[at].0);
        }
    }
}
