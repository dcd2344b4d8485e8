//! Members that leave, with everything that they wrote, and members that join late.

use std::{collections::BTreeSet, ffi::OsString, time::Duration};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{AuthorId, Decoded, Digest, Frame, Frames};
use tempo_session::Relaying;

use super::{
    Leave, Member, Simulation, Violation,
    check::{Placed, counters},
    relinking::misses_most,
};
use crate::disk::Change;

/// The interval between messages from the remaining members while any member still lacks something.
const CHAT: Duration = Duration::from_secs(45);
const CHATS: usize = 12;
/// The number of agreeing checks in a row after which the members stop.
const ENOUGH: usize = 3;

impl Simulation {
    /// Restarts all members with these delays for relaying messages that have vanished.
    pub(crate) fn with_relaying(&mut self, relaying: Relaying) {
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.relaying = Some(relaying);
            }
            self.start(member);
        }
    }

    /// Keeps a member away until all faults are over.
    pub(crate) fn hold_back(&mut self, member: usize) {
        self.is_membership_fixed = false;
        self.stop(member);
        if let Some(there) = self.members.get_mut(member) {
            there.leave = Some(Leave::ForNow);
        }
        self.note_fault(member, "latecomer", "has not joined yet");
    }

    /// Lets a member leave. The service removes its directories at member `at`, and so at every member.
    pub(crate) fn depart(&mut self, member: usize, leave: Leave, at: usize) {
        self.look_after(member);
        self.is_membership_fixed = false;
        self.stop(member);
        let Some(there) = self.members.get_mut(member) else { return };
        there.leave = Some(leave);
        let dirs: Vec<AuthorId> = there.former.iter().copied().chain([there.author]).collect();
        self.left_at.extend(dirs.iter().map(|&author| (author, self.now)));
        if leave == Leave::ForGood {
            self.service.leave(member);
        }
        for dir in dirs {
            self.delete(at, &OsString::from(dir.to_string()), None);
        }
        let (count, what) = match leave {
            Leave::ForGood => ("gone for good", "leaves for good, and its files disappear"),
            Leave::ForNow => ("gone for a while", "leaves for a while, and its files disappear"),
        };
        self.note_fault(member, count, what);
    }

    /// Returns whether any member has left.
    pub(super) fn has_departed(&self) -> bool {
        self.members.iter().any(|member| member.leave == Some(Leave::ForGood)) || self.has_returned
    }

    /// Brings back every member that left only for a while.
    pub(super) fn bring_back(&mut self) {
        for member in &mut self.members {
            if member.leave == Some(Leave::ForNow) {
                member.leave = None;
                self.has_returned = true;
            }
        }
    }

    /// Lets every present member send a message from time to time while any member lacks something. Without a sign of
    /// life, no member knows what is missing.
    pub(super) fn chat(&mut self) -> Result<(), Violation> {
        let mut agreed = 0;
        for number in 0..CHATS {
            self.run_for(CHAT)?;
            agreed = if self.is_stable() { agreed + 1 } else { 0 };
            if agreed == ENOUGH {
                break;
            }
            for member in 0..self.members.len() {
                let _ = self.send(member, &format!("still here {number}"));
            }
        }
        Ok(())
    }

    /// Lets members talk if they do not agree because of a thief: a member that has another message of a number does not
    /// read the thief's until somebody builds on it.
    pub(super) fn talk_of_the_thief(&mut self) -> Result<(), Violation> {
        if self.thief.is_none() || self.is_stable() {
            return Ok(());
        }
        self.chat()?;
        self.quiesce()
    }

    /// Returns what every member must have in the end: all messages except those of departed members, and of a thief,
    /// that no present member received.
    pub(super) fn expected(&self) -> Vec<Digest> {
        let timeline = self.registry.timeline();
        if !self.members.iter().any(Member::is_gone) {
            return timeline;
        }
        let there = self.present().filter_map(|member| member.running.as_ref());
        let have: BTreeSet<Digest> =
            there.flat_map(|running| running.app.list.iter().map(|entry| entry.digest)).collect();
        let is_gone = |number: usize| self.members.get(number).is_some_and(Member::is_gone);
        let is_lost = |digest: &Digest| {
            !have.contains(digest) && self.registry.known(digest).is_some_and(|known| is_gone(known.member))
        };
        timeline.into_iter().filter(|digest| !is_lost(digest)).collect()
    }

    /// Returns the authors whose messages may wait forever, because earlier messages of theirs left with them.
    pub(super) fn gone(&self) -> BTreeSet<AuthorId> {
        let gone = self.members.iter().filter(|member| member.is_gone());
        gone.flat_map(|member| member.former.iter().copied().chain([member.author])).collect()
    }

    /// Returns the authors whose messages may wait forever: those that have left, and those that a thief writes as.
    pub(super) fn may_wait(&self) -> BTreeSet<AuthorId> {
        self.gone().into_iter().chain(self.stolen_authors()).collect()
    }

    /// Returns the members that have not left. A thief is none.
    pub(super) fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_gone())
    }

    /// Checks that a member relays another's messages only when they are nowhere in the folder, and not immediately.
    pub(super) fn judge_relays(&mut self, member: usize, changes: &[Change]) {
        for Change { dir, name } in changes {
            let DirName::Relay(author, relayer) = DirName::parse(dir) else { continue };
            let Some(there) = self.members.get(member) else { continue };
            self.counts.add("relayed");
            let is_own = there.author == relayer || there.former.contains(&relayer);
            let absent = there.relaying.map_or(Duration::ZERO, |relaying| relaying.absent);
            let absent = if there.clock.is_right() { absent } else { Duration::ZERO };
            let is_early = self.left_at.get(&author).is_some_and(|&left| self.now < left + absent);
            // A directory beside the folder may belong to another session, a network drive does not show recent
            // arrivals, nothing is read in another author's directory or under a temporary name, and a message under
            // another one's name is not where its readers look.
            let counts = |at: &OsString, of: &OsString| {
                let is_read = FileName::parse(of) != FileName::Foreign && DirName::parse(at).author() == Some(author);
                is_read && !there.disk.is_unseen(at, of)
            };
            let files = there.disk.files().into_iter().filter(|(at, of, _)| counts(at, of));
            let (put, others): (Vec<_>, Vec<_>) = files.partition(|(at, of, _)| (at, of) == (dir, name));
            let named = |file: &Placed| {
                let counters = counters(&file.1);
                let is_named = move |frame: &Frame| {
                    counters.is_none_or(|(first, last)| (first..=last).contains(&frame.id().counter))
                };
                whole_frames(&file.2).filter(is_named).map(|frame| frame.digest())
            };
            let put: BTreeSet<_> = put.iter().flat_map(named).collect();
            let is_needless = !put.is_empty() && put.is_subset(&others.iter().flat_map(named).collect());
            if !is_own || is_early || is_needless {
                let what = format!("{} writes messages of {author} into {}", there.name, dir.to_string_lossy());
                return self.fail(Violation::new("I20", what));
            }
            if misses_most(there) {
                let what = format!("{} relays messages of {author} while most of its folder is missing", there.name);
                return self.fail(Violation::new("I20", what));
            }
        }
    }

    /// Checks that a relay is withdrawn once its author is back with everything under the author's own names. Files
    /// that a service named like a copy do not count, and neither does the empty directory that a full disk has left.
    pub(super) fn relays_are_taken_back(&self) -> Result<(), Violation> {
        for member in self.present() {
            for dir in member.disk.dirs() {
                let DirName::Relay(author, relayer) = DirName::parse(&dir) else { continue };
                // Where two messages have one number, names of files do not show which one is back.
                if relayer != member.author || self.stolen_authors().any(|stolen| stolen == author) {
                    continue;
                }
                let (mut files, dir_of) = (member.disk.files(), OsString::from(author.to_string()));
                let all = frames(files.iter().filter(|file| file.0 == dir_of).map(|file| &file.2).collect());
                files.retain(|(_, name, _)| matches!(FileName::parse(name), FileName::Message(_) | FileName::Pack(..)));
                let of =
                    |dir: &OsString| files.iter().filter(|file| file.0 == *dir).map(|file| &file.2).collect::<Vec<_>>();
                let (own, kept) = (frames(of(&dir_of)), frames(of(&dir)));
                if !kept.is_empty() && own == all && kept.is_subset(&own) {
                    let what = format!("{} keeps a relay of messages that {author} has restored", member.name);
                    return Err(Violation::new("L4", what));
                }
            }
        }
        Ok(())
    }
}

fn frames(contents: Vec<&Bytes>) -> BTreeSet<Digest> {
    contents.into_iter().flat_map(whole_frames).map(|frame| frame.digest()).collect()
}

/// Returns the messages in a file, without what is damaged.
pub(super) fn whole_frames(content: &Bytes) -> impl Iterator<Item = Frame> + use<> {
    Frames::new(content.clone()).filter_map(|decoded| match decoded {
        Decoded::Whole(frame) => Some(frame),
        _ => None,
    })
}
