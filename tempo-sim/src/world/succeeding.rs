//! Members that become new authors, and what every member knows of that.

use std::{collections::BTreeMap, ffi::OsString};

use tempo_message::{AuthorId, MessageId, is_signed};

use super::{Member, Simulation, Violation, registry::Registry};

impl Simulation {
    /// Notices that a member has become a new author, and checks that it had a good reason.
    pub(super) fn notice_author(&mut self, member: usize) {
        let Some(there) = self.members.get_mut(member) else { return };
        let Some(author) = there.store.marks_now().author().filter(|&author| author != there.author) else { return };
        let before = std::mem::replace(&mut there.author, author);
        there.former.push(before);
        if !there.is_ambiguous {
            let what = format!("{} becomes a new author, but no other store used its name", there.name);
            return self.fail(Violation::new("I9", what));
        }
        if !there.keys.is_accounted_for(before) {
            let what = format!("{} has written as {before}, and has no key of it after a restart", there.name);
            return self.fail(Violation::new("A9", what));
        }
        self.successions.insert(author, (before, there.keys.signer(before).is_some()));
        self.service.add_own(member, OsString::from(author.to_string()));
        self.note_fault(member, "new author", "continues as a new author");
    }

    /// Returns which author each new author of a member succeeds. What the stolen one says of itself is the thief's to say.
    pub(super) fn successions_of_members(&self) -> BTreeMap<AuthorId, (AuthorId, bool)> {
        let is_stolen = |author: &AuthorId| self.thief.as_ref().is_some_and(|thief| thief.stolen == *author);
        let kept = self.successions.iter().filter(|(author, _)| !is_stolen(author));
        kept.map(|(author, before)| (*author, *before)).collect()
    }

    /// Checks that all members say the same about whose place each author has taken, and that nobody has proven it who does
    /// not have the former author's key.
    pub(super) fn check_successions(&self) -> Result<(), Violation> {
        let Some(thief) = &self.thief else { return Ok(()) };
        let proven = |(author, former): (AuthorId, AuthorId)| {
            let by_member = self.successions.get(&author).is_some_and(|(before, _)| *before == former);
            by_member || thief.may_prove(author, former) || !is_signed(former)
        };
        let mut said = BTreeMap::new();
        for member in self.present() {
            let status = member.running.as_ref().map(|running| running.session.status());
            for it in status.iter().flat_map(|status| &status.members) {
                let Some(former) = it.former else { continue };
                if it.has_proven && !proven((it.author, former)) {
                    let what = format!("{} takes it for proven that {} succeeds {former}", member.name, it.author);
                    return Err(Violation::new("A7", what));
                }
                let (by, others) = *said.entry(it.author).or_insert((&member.name, (former, it.has_proven)));
                if others != (former, it.has_proven) {
                    let what = format!("{} and {by} differ on whose place {} has taken", member.name, it.author);
                    return Err(Violation::new("A8", what));
                }
            }
        }
        Ok(())
    }
}

/// Checks that every member knows which author each new author succeeds, once the new author has sent anything, and has
/// a proof of it unless the former author's key was lost.
pub(crate) fn successions_are_known(
    member: &Member,
    successions: &BTreeMap<AuthorId, (AuthorId, bool)>,
    registry: &Registry,
) -> Result<(), Violation> {
    let Some(running) = member.running.as_ref().filter(|_| !successions.is_empty()) else { return Ok(()) };
    let status = running.session.status();
    for (&author, &(former, has_key)) in successions {
        let has_spoken = |author| registry.number(MessageId { author, counter: 1 }).is_some();
        let known = status.members.iter().find(|it| it.author == author);
        if has_spoken(author) && known.and_then(|it| it.former) != Some(former) {
            return Err(Violation::new("I9", format!("{} does not know which author {author} succeeds", member.name)));
        }
        let is_proven = known.is_some_and(|it| it.has_proven);
        if has_key && has_spoken(author) && has_spoken(former) && !is_proven {
            return Err(Violation::new("A6", format!("{} has no proof that {author} succeeds {former}", member.name)));
        }
    }
    Ok(())
}
