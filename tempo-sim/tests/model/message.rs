//! Messages, and the table of all that were ever created in a run.
//!
//! A message is named by its slot, which represents its digest. Each installation has its own slots and fills them in
//! order. So two runs that create equal messages in different orders meet in one state.

use crate::set::Set;

/// The most installations.
pub(crate) const INSTALLATIONS: usize = 4;
/// The most messages of one installation.
pub(crate) const EACH: usize = 3;
pub(crate) const SLOTS: usize = INSTALLATIONS * EACH;

/// The wall clocks. They contradict the order of the authors. The last one equals the first, so that a clone of the
/// first creates messages with equal stamps.
const WALL: [u8; INSTALLATIONS] = [1, 0, 2, 1];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) author: u8,
    pub(crate) counter: u8,
    pub(crate) lamport: u8,
    /// The author's previous message and the parents.
    pub(crate) causes: Set,
    /// The author that it retires.
    pub(crate) retires: Option<u8>,
}

/// The sort key of the timeline: lamport, wall clock, author, digest.
pub(crate) type Order = (u8, u8, u8, u8);

/// Every message that was ever created, by slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Messages([Option<Message>; SLOTS]);

impl Messages {
    pub(crate) fn at(&self, slot: u8) -> &Message {
        self.0[usize::from(slot)].as_ref().expect("the message exists")
    }

    pub(crate) fn add(&mut self, slot: u8, message: Message) {
        let place = &mut self.0[usize::from(slot)];
        assert!(place.is_none(), "a message never changes");
        *place = Some(message);
    }

    /// Returns the slots of an installation's own messages.
    pub(crate) fn made_by(&self, installation: usize) -> Set {
        slots_of(installation).filter(|&slot| self.0[usize::from(slot)].is_some()).collect()
    }

    /// Returns the slot of an installation's next message, if it may create one more of at most `limit`.
    pub(crate) fn next_slot(&self, installation: usize, limit: u8) -> Option<u8> {
        slots_of(installation).take(usize::from(limit)).find(|&slot| self.0[usize::from(slot)].is_none())
    }

    pub(crate) fn all(&self) -> Set {
        (0..INSTALLATIONS).map(|installation| self.made_by(installation)).fold(Set::EMPTY, Set::or)
    }

    pub(crate) fn order(&self, slot: u8) -> Order {
        let message = self.at(slot);
        (message.lamport, WALL[installation_of(slot)], message.author, slot)
    }

    /// Returns the greatest sort key among some messages.
    pub(crate) fn last(&self, set: Set) -> Option<Order> {
        set.iter().map(|slot| self.order(slot)).max()
    }

    /// Returns the greatest lamport among some messages, or 0 if there are none.
    pub(crate) fn latest(&self, set: Set) -> u8 {
        set.iter().map(|slot| self.at(slot).lamport).max().unwrap_or(0)
    }

    pub(crate) fn up_to(&self, set: Set, lamport: u8) -> Set {
        set.iter().filter(|&slot| self.at(slot).lamport <= lamport).collect()
    }

    pub(crate) fn of_author(&self, set: Set, author: u8) -> Set {
        set.iter().filter(|&slot| self.at(slot).author == author).collect()
    }

    pub(crate) fn has_author(&self, set: Set, author: u8) -> bool {
        set.iter().any(|slot| self.at(slot).author == author)
    }

    /// Returns whether two messages would have the same name in the folder.
    pub(crate) fn same_name(&self, one: u8, other: u8) -> bool {
        (self.at(one).author, self.at(one).counter) == (self.at(other).author, self.at(other).counter)
    }

    /// Returns whether another message in `folder` has the name of this message.
    pub(crate) fn is_occupied(&self, slot: u8, folder: Set) -> bool {
        folder.iter().any(|other| other != slot && self.same_name(slot, other))
    }

    /// Returns the author's message with the greatest counter.
    pub(crate) fn newest(&self, set: Set, author: u8) -> Option<u8> {
        self.of_author(set, author).iter().max_by_key(|&slot| self.at(slot).counter)
    }

    /// Returns the messages that are not a direct cause of any other.
    pub(crate) fn tips(&self, set: Set) -> Set {
        set.minus(set.iter().map(|slot| self.at(slot).causes).fold(Set::EMPTY, Set::or))
    }

    /// Returns the messages in `stored` that can be accepted, computed from the messages alone.
    pub(crate) fn acceptable(&self, stored: Set) -> Set {
        let mut accepted = Set::EMPTY;
        loop {
            let ready = stored.minus(accepted).iter().find(|&slot| {
                let message = self.at(slot);
                message.causes.is_within(accepted) && message.lamport == 1 + self.latest(message.causes)
            });
            match ready {
                Some(slot) => accepted.insert(slot),
                None => return accepted,
            }
        }
    }

    /// Returns the causes of a message, direct or not.
    pub(crate) fn past(&self, slot: u8) -> Set {
        let causes = self.at(slot).causes;
        causes.iter().map(|cause| self.past(cause)).fold(causes, Set::or)
    }

    /// Returns the retirements of an author.
    pub(crate) fn retirements(&self, set: Set, author: u8) -> Set {
        set.iter().filter(|&slot| self.at(slot).retires == Some(author)).collect()
    }

    /// Returns the number of messages on the longest causal chain that ends here.
    pub(crate) fn chain(&self, slot: u8) -> u8 {
        1 + self.at(slot).causes.iter().map(|cause| self.chain(cause)).max().unwrap_or(0)
    }
}

pub(crate) fn installation_of(slot: u8) -> usize {
    usize::from(slot) / EACH
}

fn slots_of(installation: usize) -> impl Iterator<Item = u8> {
    (installation * EACH..(installation + 1) * EACH).map(|slot| u8::try_from(slot).unwrap())
}
