//! Members that go, with everything that they wrote, and members that come late.

use std::{collections::BTreeSet, ffi::OsString, time::Duration};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{AuthorId, Decoded, Digest, Frame, Frames};
use tempo_session::Relaying;

use super::{Leave, Member, Violation, World};
use crate::disk::Change;

/// How often whoever is there says something while those who lack something wait for it.
const CHAT: Duration = Duration::from_secs(45);
const CHATS: usize = 12;
/// So often in a row nobody lacks anything before they stop.
const ENOUGH: usize = 3;

impl World {
    /// Lets the members that start from here on put back what has vanished of others, after such times.
    pub fn with_relaying(&mut self, relaying: Relaying) {
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.relaying = Some(relaying);
            }
            self.start(member);
        }
    }

    /// A member is not there yet; it comes when all faults are over.
    pub fn hold_back(&mut self, member: usize) {
        self.is_membership_fixed = false;
        self.stop(member);
        if let Some(there) = self.members.get_mut(member) {
            there.leave = Some(Leave::ForNow);
        }
        self.note_fault(member, "latecomer", "is not there yet");
    }

    /// A member goes, and the service removes its directories at another one, and so at everybody.
    pub fn depart(&mut self, member: usize, leave: Leave, at: usize) {
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
            Leave::ForGood => ("gone for good", "goes for good, and its files with it"),
            Leave::ForNow => ("gone for a while", "is gone for a while, and its files with it"),
        };
        self.note_fault(member, count, what);
    }

    /// Whether anybody went.
    pub(super) fn has_departed(&self) -> bool {
        self.members.iter().any(|member| member.leave == Some(Leave::ForGood)) || self.has_returned
    }

    /// Everybody who was only gone for a while is back.
    pub(super) fn bring_back(&mut self) {
        for member in &mut self.members {
            if member.leave == Some(Leave::ForNow) {
                member.leave = None;
                self.has_returned = true;
            }
        }
    }

    /// Everybody who is there says something from time to time, as long as anybody lacks anything: without any sign of life
    /// nobody knows what is missing.
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

    /// What everybody has to have in the end: everything but what somebody who is gone for good has taken along, because nobody
    /// who is there had received it.
    pub(super) fn expected(&self) -> Vec<Digest> {
        let timeline = self.registry.timeline();
        if self.members.iter().all(|member| member.leave.is_none()) {
            return timeline;
        }
        let there = self.present().filter_map(|member| member.running.as_ref());
        let have: BTreeSet<Digest> =
            there.flat_map(|running| running.app.list.iter().map(|entry| entry.digest)).collect();
        let is_gone = |number: usize| self.members.get(number).is_some_and(|member| member.leave.is_some());
        let is_lost = |digest: &Digest| {
            !have.contains(digest) && self.registry.known(digest).is_some_and(|known| is_gone(known.member))
        };
        timeline.into_iter().filter(|digest| !is_lost(digest)).collect()
    }

    /// Whose messages may wait for ever, because others of them were taken along.
    pub(super) fn gone(&self) -> BTreeSet<AuthorId> {
        let gone = self.members.iter().filter(|member| member.leave.is_some());
        gone.flat_map(|member| member.former.iter().copied().chain([member.author])).collect()
    }

    /// Those who are not gone for good.
    pub(super) fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.leave.is_none())
    }

    /// A member puts messages of another one into the folder only when they lie nowhere there, and not at once.
    pub(super) fn judge_relays(&mut self, member: usize, changes: &[Change]) {
        for Change { dir, name } in changes {
            let DirName::Relay(author, relayer) = DirName::parse(dir) else { continue };
            let Some(there) = self.members.get(member) else { continue };
            self.counts.add("relayed");
            let is_own = there.author == relayer || there.former.contains(&relayer);
            let absent = there.relaying.map_or(Duration::ZERO, |relaying| relaying.absent);
            let absent = if there.clock.is_right() { absent } else { Duration::ZERO };
            let is_early = self.left_at.get(&author).is_some_and(|&left| self.now < left + absent);
            // What lies beside the folder may be another session, and a network drive does not show what has just come.
            let counts =
                |at: &OsString, of: &OsString| !at.to_string_lossy().contains('/') && !there.disk.is_unseen(at, of);
            let files = there.disk.files().into_iter().filter(|(at, of, _)| counts(at, of));
            let (put, others): (Vec<_>, Vec<_>) = files.partition(|(at, of, _)| (at, of) == (dir, name));
            let put = frames(put.iter().map(|file| &file.2).collect());
            let is_needless = !put.is_empty() && put.is_subset(&frames(others.iter().map(|file| &file.2).collect()));
            if !is_own || is_early || is_needless {
                let what = format!("{} puts messages of {author} into {}", there.name, dir.to_string_lossy());
                return self.fail(Violation::new("I20", what));
            }
        }
    }

    /// What was put back is taken back when its author is there again, with everything under the names that the author gives.
    /// What a service has named like a copy does not count.
    pub(super) fn relays_are_taken_back(&self) -> Result<(), Violation> {
        for member in self.present() {
            for dir in member.disk.dirs() {
                let DirName::Relay(author, relayer) = DirName::parse(&dir) else { continue };
                if relayer != member.author {
                    continue;
                }
                let (mut files, dir_of) = (member.disk.files(), OsString::from(author.to_string()));
                let all = frames(files.iter().filter(|file| file.0 == dir_of).map(|file| &file.2).collect());
                files.retain(|(_, name, _)| matches!(FileName::parse(name), FileName::Message(_) | FileName::Pack(..)));
                let of =
                    |dir: &OsString| files.iter().filter(|file| file.0 == *dir).map(|file| &file.2).collect::<Vec<_>>();
                let (own, kept) = (frames(of(&dir_of)), frames(of(&dir)));
                if !own.is_empty() && own == all && kept.is_subset(&own) {
                    let what = format!("{} keeps what {author} has put back itself", member.name);
                    return Err(Violation::new("L4", what));
                }
            }
        }
        Ok(())
    }
}

fn frames(contents: Vec<&Bytes>) -> BTreeSet<Digest> {
    let whole =
        contents.into_iter().flat_map(|content| Frames::new(content.clone())).filter_map(|decoded| match decoded {
            Decoded::Whole(frame) => Some(Frame::digest(&frame)),
            _ => None,
        });
    whole.collect()
}
