//! Members that retire each other, and what every member knows of it in the end.

use std::collections::BTreeSet;

use tempo_message::AuthorId;
use tempo_session::status;

use super::{Leave, Member, Simulation, Violation};

/// What members say about who will not come back.
#[derive(Debug, Default)]
pub(super) struct Retiring {
    /// A member has retired another one, or itself.
    pub(super) has_begun: bool,
    /// In the end, somebody retires the members that have left for good.
    pub(super) of_departed: bool,
}

impl Simulation {
    /// Lets a member say that another one, or itself, will not come back.
    pub(crate) fn retire(&mut self, member: usize, whom: usize) {
        if let Some(author) = self.member(whom).map(Member::author) {
            self.retire_author(member, author);
        }
    }

    /// Lets somebody retire every member that has left for good, once all faults are over. Then everything becomes stable.
    pub(crate) fn will_retire_departed(&mut self) {
        self.retiring.of_departed = true;
    }

    pub(super) fn retire_departed(&mut self) {
        if !self.retiring.of_departed {
            return;
        }
        let is_gone = |member: &&Member| member.leave == Some(Leave::ForGood);
        let gone = self.members.iter().filter(is_gone);
        let gone: Vec<AuthorId> =
            gone.flat_map(|member| member.former.iter().copied().chain([member.author])).collect();
        for author in gone {
            // Some may never have heard of it.
            let _ = (0..self.members.len()).any(|by| self.retire_author(by, author));
        }
    }

    /// Returns whether the member could say so.
    fn retire_author(&mut self, member: usize, author: AuthorId) -> bool {
        let Some(session) = self.session(member) else { return false };
        // A member that has heard nothing of the other one cannot retire it, nor one whose store fails.
        if session.retire(author).is_err() {
            return false;
        }
        self.retiring.has_begun = true;
        self.note_fault(member, "retirement", &format!("says that {author} will not come back"));
        self.notice_sent(member);
        self.look_after(member);
        true
    }

    /// Checks that all members take the same authors for retired, and, where all messages are there, the right ones.
    pub(super) fn check_retirements(&self) -> Result<(), Violation> {
        if !self.retiring.has_begun {
            return Ok(());
        }
        let running = self.present().filter_map(|member| Some((&member.name, member.running.as_ref()?)));
        let all: Vec<_> = running.map(|(name, running)| (name, running.session.status().members)).collect();
        let retired = |members: &[status::Member]| -> BTreeSet<AuthorId> {
            members.iter().filter(|it| it.retired.is_some()).map(|it| it.author).collect()
        };
        let expected = if self.gone().is_empty() {
            self.registry.retired()
        } else {
            all.iter().flat_map(|(_, members)| retired(members)).collect()
        };
        for (name, members) in &all {
            // An author of which nothing has arrived is not listed.
            let known: BTreeSet<AuthorId> = members.iter().map(|it| it.author).collect();
            let (retired, expected) = (retired(members), &expected & &known);
            if retired != expected {
                return Err(Violation::new("D1", format!("{name} takes {retired:?} for retired, not {expected:?}")));
            }
        }
        Ok(())
    }
}
