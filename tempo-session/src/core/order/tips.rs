//! The ends of the history: accepted messages that no accepted message comes after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{MAX_PARENTS, Message, Parent, planted};

/// The tips, with their times. Together they imply everything that is accepted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tips {
    /// What was accepted last: as a rule the next message comes after it.
    last: Option<(Parent, Lamport)>,
    others: BTreeMap<Parent, Lamport>,
}

impl Tips {
    /// A message is accepted: it is a tip, and what it comes after is none any more.
    pub(crate) fn accept(&mut self, message: &Message, itself: Parent) {
        for cause in message.causes().filter(|_| !planted!(AllParents)) {
            if self.last.take_if(|(tip, _)| *tip == cause).is_none() {
                self.others.remove(&cause);
            }
        }
        self.others.extend(self.last.replace((itself, message.lamport)));
    }

    /// What the next message of `author` has to name of the others, and the greatest time among it.
    ///
    /// A message has room for [`MAX_PARENTS`]; when there are more tips, those with the greatest times are named, so
    /// that the next message comes after everything in time, and the rest by a later message.
    pub(crate) fn parents_for(&self, author: AuthorId) -> (Vec<Parent>, Lamport) {
        let tips = self.others.iter().map(|(&tip, &lamport)| (tip, lamport)).chain(self.last);
        let of_others = tips.filter(|(tip, _)| tip.author != author);
        let mut others: Vec<(Lamport, Parent)> = of_others.map(|(tip, lamport)| (lamport, tip)).collect();
        if others.len() > MAX_PARENTS {
            others.sort_unstable_by(|a, b| b.cmp(a));
            others.truncate(MAX_PARENTS);
        }
        let latest = others.iter().map(|&(lamport, _)| lamport).max().unwrap_or(Lamport::ZERO);
        let mut parents: Vec<Parent> = others.into_iter().map(|(_, tip)| tip).collect();
        parents.sort_unstable();
        (parents, latest)
    }
}
