//! The ends of the history: accepted messages that no accepted message comes after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{MAX_PARENTS, Message, Parent, planted};

/// The tips and their times. Together they imply all accepted messages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tips {
    /// The message accepted last, which the next message usually comes after.
    last: Option<(Parent, Lamport)>,
    others: BTreeMap<Parent, Lamport>,
}

impl Tips {
    /// Adds an accepted message to the tips and removes its causes from them.
    pub(crate) fn accept(&mut self, message: &Message, itself: Parent) {
        for cause in message.causes().filter(|_| !planted!(AllParents)) {
            if self.last.take_if(|(tip, _)| *tip == cause).is_none() {
                self.others.remove(&cause);
            }
        }
        self.others.extend(self.last.replace((itself, message.lamport)));
    }

    /// Returns the tips of other authors that the next message of `author` names, and their greatest time.
    ///
    /// A message has room for [`MAX_PARENTS`]. If there are more tips, it names those with the greatest
    /// times, so that it comes after everything in time. A later message names the rest.
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
