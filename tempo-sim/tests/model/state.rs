//! The state of all members at one moment, and queries on it.

use crate::{
    config::Config,
    member::{Member, Phase},
    message::{INSTALLATIONS, Messages, installation_of},
    set::Set,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) messages: Messages,
    pub(crate) members: [Member; INSTALLATIONS],
    /// The number of crashes that may still happen.
    pub(crate) crashes: u8,
}

impl State {
    pub(crate) fn first(config: &Config) -> Self {
        let mut members = [Member::default(); INSTALLATIONS];
        for (author, member) in (0..).zip(members.iter_mut()) {
            member.author = author;
            if author < config.members {
                member.phase = Phase::Up;
            }
        }
        Self { messages: Messages::default(), members, crashes: config.crashes }
    }

    /// Returns the members that are present, up or down.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.members.iter().enumerate().filter(|(_, member)| member.phase != Phase::Absent)
    }

    pub(crate) fn up(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.present().filter(|(_, member)| member.is_up())
    }

    /// Returns every file in any member's copy of the folder.
    pub(crate) fn files(&self) -> Set {
        self.present().map(|(_, member)| member.folder).fold(Set::EMPTY, Set::or)
    }

    /// Returns the messages that every member accepts: those with only true clocks in their causal past.
    pub(crate) fn valid(&self) -> Set {
        self.messages.acceptable(self.messages.all())
    }

    /// Returns whether every member is up and every message is everywhere. Heads may still be under way, and more may
    /// be sent.
    pub(crate) fn is_quiet(&self, config: &Config) -> bool {
        let files = self.files();
        self.present().all(|(_, member)| {
            member.is_up()
                && member.folder == files
                && member.unpublished(&self.messages, config).is_empty()
                && member.uncollected(&self.messages, config).is_empty()
        })
    }

    /// Returns whether, in addition, everything is durable and every author's newest head is everywhere.
    pub(crate) fn is_stable(&self, config: &Config) -> bool {
        let heads_are_new = |of: usize, owner: &Member| {
            let claim = owner.claim(&self.messages, config);
            !config.writes_heads(of) || self.present().all(|(_, member)| member.heads[of] == claim)
        };
        self.is_quiet(config) && self.present().all(|(of, owner)| owner.volatile.is_empty() && heads_are_new(of, owner))
    }

    /// Returns whether two messages of one author have the same counter.
    pub(crate) fn has_fork(&self) -> bool {
        let all = self.messages.all();
        all.iter().any(|slot| self.messages.is_occupied(slot, all))
    }

    /// Returns whether a member may now take a message that belongs before one that it has.
    pub(crate) fn can_insert_in_the_middle(&self) -> bool {
        let files = self.files();
        self.up().any(|(_, member)| {
            let last = self.messages.last(member.accepted);
            files.minus(member.known()).iter().any(|slot| {
                self.messages.at(slot).causes.is_within(member.accepted) && Some(self.messages.order(slot)) < last
            })
        })
    }

    /// Returns whether a crash happened between a commit and its publication.
    pub(crate) fn has_crashed_before_publishing(&self) -> bool {
        self.present().any(|(at, member)| {
            let own = member.durable.iter().filter(|&slot| installation_of(slot) == at);
            member.phase == Phase::Down && own.into_iter().any(|slot| !self.files().has(slot))
        })
    }
}
