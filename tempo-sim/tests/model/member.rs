//! One installation: its store, its copy of the folder, its accepted messages, and its stable prefix.

use crate::{
    config::{Config, Defect},
    message::{INSTALLATIONS, Message, Messages, SLOTS},
    set::Set,
};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Not there yet.
    #[default]
    Absent,
    Up,
    Down,
}

/// The contents of an author's `head` file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Head {
    /// Its messages up to this counter were written before this head.
    pub(crate) counter: u8,
    /// Its later messages have lamports above this one.
    pub(crate) lamport: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) phase: Phase,
    /// The author that it writes as.
    pub(crate) author: u8,
    /// The messages that it keeps as its own, including those that a clone inherited.
    pub(crate) sent: Set,
    /// The durable messages in its store.
    pub(crate) durable: Set,
    /// The messages in its store that a power loss takes away.
    pub(crate) volatile: Set,
    /// The message files in its copy of the folder. Two with one name are file and conflict copy.
    pub(crate) folder: Set,
    /// The head files in its copy of the folder, by author.
    pub(crate) heads: [Head; INSTALLATIONS],
    /// The accepted messages, in memory.
    pub(crate) accepted: Set,
    /// The accepted messages in the order of the timeline, in memory, maintained by insertion.
    pub(crate) timeline: Timeline,
    /// The messages that it durably remembers as stable. They do not follow from the rest: a newer head replaces an
    /// older one, and is useless until the messages before it have arrived.
    pub(crate) stable: Set,
    /// The messages that the application remembers as reported stable. It is told only of additions at the end.
    pub(crate) told: Set,
    /// The retirements that the retired author has answered, in memory, maintained by acceptance.
    pub(crate) returned: Set,
    /// True if a late join was announced, or a late message of an author that was retired.
    pub(crate) late: bool,
}

impl Member {
    pub(crate) fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    pub(crate) fn known(&self) -> Set {
        self.durable.or(self.volatile)
    }

    pub(crate) fn held(&self) -> Set {
        if self.is_up() { self.known().minus(self.accepted) } else { Set::EMPTY }
    }

    /// Returns the messages under its own name that it did not write.
    pub(crate) fn impostors(&self, messages: &Messages) -> Set {
        messages.of_author(self.known().minus(self.sent), self.author)
    }

    /// Returns the files that the next collect would take.
    pub(crate) fn uncollected(&self, messages: &Messages, config: &Config) -> Set {
        let new = self.folder.minus(self.known());
        if config.has(Defect::KnownByCounter) {
            let known = self.known();
            return new.iter().filter(|&slot| !known.iter().any(|other| messages.same_name(slot, other))).collect();
        }
        new
    }

    /// Returns own messages that have yet to appear in the folder.
    pub(crate) fn unpublished(&self, messages: &Messages, config: &Config) -> Set {
        let absent = self.sent.and(self.known()).minus(self.folder);
        if config.has(Defect::OccupiedSkipped) {
            return absent.iter().filter(|&slot| !messages.is_occupied(slot, self.folder)).collect();
        }
        absent
    }

    /// Returns the next message, if the member may write one.
    pub(crate) fn compose(&self, messages: &Messages, config: &Config, is_liar: bool) -> Option<Message> {
        if !self.is_up() || !self.impostors(messages).is_empty() {
            return None;
        }
        let own = if config.has(Defect::CounterFromFolder) { self.sent.and(self.folder) } else { self.sent };
        let previous = messages.newest(own, self.author);
        if previous.is_some_and(|previous| !self.accepted.has(previous)) {
            return None;
        }
        let mut causes = if config.has(Defect::ParentsForgotten) {
            Set::EMPTY
        } else {
            messages.tips(self.accepted).iter().filter(|&tip| messages.at(tip).author != self.author).collect()
        };
        previous.into_iter().for_each(|previous| causes.insert(previous));
        let lie = if is_liar { 2 } else { 0 };
        Some(Message {
            author: self.author,
            counter: 1 + previous.map_or(0, |previous| messages.at(previous).counter),
            lamport: 1 + messages.latest(causes) + lie,
            causes,
            retires: None,
        })
    }

    /// Accepts every message that can be accepted, one at a time.
    pub(crate) fn accept_all(&mut self, messages: &Messages, config: &Config) {
        while let Some(slot) = self.held().iter().find(|&slot| self.accepts(messages.at(slot), messages, config)) {
            self.notice_late(slot, messages, config);
            self.accepted.insert(slot);
            self.answer(slot, messages, config);
            if config.has(Defect::Appended) {
                self.timeline.append(slot);
            } else {
                self.timeline.insert(slot, messages);
            }
        }
    }

    fn accepts(&self, message: &Message, messages: &Messages, config: &Config) -> bool {
        let is_ready = message.causes.is_within(self.accepted) || config.has(Defect::NoCausalHold);
        let is_true = message.lamport == 1 + messages.latest(message.causes);
        // A liar trusts itself.
        let is_own_lie = config.liar == Some(message.author) && message.author == self.author;
        is_ready && (is_true || is_own_lie || config.has(Defect::ClockBelieved))
    }

    /// Notes which retirements of its author a message undoes: those among its causes.
    fn answer(&mut self, slot: u8, messages: &Messages, config: &Config) {
        let retirements = messages.retirements(self.accepted, messages.at(slot).author);
        let seen = if config.has(Defect::RetireByArrival) { self.accepted } else { messages.past(slot) };
        if !config.has(Defect::RetiredForEver) {
            self.returned = self.returned.or(retirements.and(seen));
        }
    }

    /// Returns whether an author is retired by some of the accepted messages.
    pub(crate) fn is_retired(&self, author: u8, basis: Set, messages: &Messages) -> bool {
        let retirements = messages.retirements(self.accepted, author);
        messages.last(retirements.and(basis)) > messages.last(retirements.and(self.returned))
    }

    /// Takes back the stable messages behind the first message of a new author, or one of an author that was retired, that
    /// is inserted below them.
    fn notice_late(&mut self, slot: u8, messages: &Messages, config: &Config) {
        let order = messages.order(slot);
        let is_below = !self.stable.has(slot) && messages.last(self.stable).is_some_and(|last| order < last);
        let author = messages.at(slot).author;
        let is_new = author >= config.members && !messages.has_author(self.accepted, author);
        let was_retired = !messages.retirements(self.accepted, author).is_empty();
        if is_below && (is_new || was_retired) && !config.has(Defect::LateJoinUnnoticed) {
            self.stable = self.stable.iter().filter(|&stable| messages.order(stable) < order).collect();
            self.told = self.stable;
            self.late = true;
        }
    }

    /// Returns the messages that would still be accepted after a crash now.
    fn certain(&self, messages: &Messages) -> Set {
        if self.volatile.is_empty() { self.accepted } else { messages.acceptable(self.durable).and(self.accepted) }
    }

    /// Returns the head that it may write.
    pub(crate) fn claim(&self, messages: &Messages, config: &Config) -> Head {
        let basis = if config.has(Defect::HeadUndurable) { self.accepted } else { self.certain(messages) };
        Head { counter: self.sent.len(), lamport: messages.latest(basis) }
    }

    /// Returns the stable prefix that follows from the present messages: the part of the timeline where no counted
    /// author can insert any more.
    pub(crate) fn prefix(&self, messages: &Messages, config: &Config) -> Set {
        let basis = if config.has(Defect::PrefixUndurable) { self.accepted } else { self.certain(messages) };
        let authors = u8::try_from(INSTALLATIONS).unwrap();
        let counted = (0..authors)
            .filter(|&author| author < config.members || messages.has_author(self.accepted, author))
            .filter(|&author| author == self.author || author != 0 || !config.has(Defect::MemberIgnored))
            .filter(|&author| !self.is_retired(author, basis, messages) || config.has(Defect::RetiredIsWaitedFor));
        let bound = counted.map(|author| self.clock_of(author, basis, messages, config)).min().unwrap_or(0);
        messages.up_to(basis, bound)
    }

    /// Returns the greatest lamport where an author can no longer insert anything into `basis`.
    fn clock_of(&self, author: u8, basis: Set, messages: &Messages, config: &Config) -> u8 {
        if author == self.author {
            return messages.latest(basis);
        }
        let here = messages.of_author(basis, author);
        let head = self.heads[usize::from(author)];
        let is_usable = head.counter <= here.len() || config.has(Defect::HeadBeforeMessages);
        messages.latest(here).max(if is_usable { head.lamport } else { 0 })
    }

    /// Reports to the application what is stable now. Messages that were stable stay so.
    pub(crate) fn tell(&mut self, messages: &Messages, config: &Config) {
        let before = if config.has(Defect::PrefixForgotten) { Set::EMPTY } else { self.stable };
        self.stable = before.or(self.prefix(messages, config));
        let last = messages.last(self.told);
        self.told = self.told.or(self.stable.iter().filter(|&slot| Some(messages.order(slot)) > last).collect());
    }

    /// Loses everything in memory, and all undurable messages except `kept`.
    pub(crate) fn crash(&mut self, kept: Set) {
        self.phase = Phase::Down;
        self.durable = self.durable.or(kept);
        self.volatile = Set::EMPTY;
        self.sent = self.sent.and(self.durable);
        self.accepted = Set::EMPTY;
        self.returned = Set::EMPTY;
        self.timeline = Timeline::default();
    }
}

/// Slots in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Timeline {
    slots: [u8; SLOTS],
    len: u8,
}

impl Timeline {
    pub(crate) fn slots(&self) -> &[u8] {
        &self.slots[..usize::from(self.len)]
    }

    /// Inserts a message at its position.
    fn insert(&mut self, slot: u8, messages: &Messages) {
        let order = messages.order(slot);
        let position = self.slots().partition_point(|&there| messages.order(there) < order);
        self.append(slot);
        self.slots[position..usize::from(self.len)].rotate_right(1);
    }

    fn append(&mut self, slot: u8) {
        self.slots[usize::from(self.len)] = slot;
        self.len += 1;
    }
}
