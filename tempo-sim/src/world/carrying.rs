//! The invariants of what carriers do with the parts of files, and what every member has in the end.

use std::{ffi::OsStr, time::Duration};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_fs_transport::DirName;
use tempo_message::AttachmentId;

use super::{
    Simulation, Violation,
    attaching::{CARRYING, Released},
    member::Member,
};
use crate::disk::{Change, PartAct, owner_of};

/// The rounds in which parts are carried in the end, and the length of one.
const ROUNDS: usize = 20;
const ROUND: Duration = Duration::from_secs(30);

impl Simulation {
    /// Judges what a member's processes did with parts.
    pub(super) fn judge_parts(&mut self, member: usize, acts: Vec<PartAct>) {
        for act in acts {
            let judged = match act {
                PartAct::Put(change) => self.judge_put(member, &change),
                PartAct::Removed(change) => self.judge_removed(member, &change),
                PartAct::Fetched(change) => self.judge_fetched(member, &change),
            };
            if let Err(violation) = judged {
                self.fail(violation);
            }
        }
    }

    fn judge_put(&mut self, member: usize, Change { dir, name }: &Change) -> Result<(), Violation> {
        self.counts.add("part put");
        let (now, wrong) = (self.now, |rule, what: String| Err(Violation::new(rule, what)));
        let (Some(files), Some(there)) = (&self.files, self.members.get_mut(member)) else { return Ok(()) };
        let place = format!("{}/{}", dir.to_string_lossy(), name.to_string_lossy());
        let author = author_of(dir).filter(|author| there.is_or_was(*author));
        if author.is_none() {
            return wrong("F5", format!("{} puts a part into {place}", there.name));
        }
        let part = files.part_of(name);
        if part.is_none_or(|(_, bytes)| there.disk.read(dir, name) != Some(bytes)) {
            return wrong("F2", format!("{} puts something else into {place}", there.name));
        }
        let Some(attaching) = &mut there.attaching else { return Ok(()) };
        if attaching.deselected_at.is_some_and(|at| at < now) {
            return wrong("F10", format!("{} puts {place}, although its place was deselected", there.name));
        }
        let puts = attaching.puts.entry((dir.clone(), name.clone())).or_default();
        // A store without room cannot note how often.
        *puts += u32::from(there.store.room().is_ok());
        // It is put, put back, and put back once more each time that it has stayed.
        let stays = now.as_secs() / CARRYING.stay.as_secs();
        if !there.is_ambiguous && u64::from(*puts) > 4 + stays {
            return wrong("F9", format!("{} puts {place} {} times", there.name, puts));
        }
        if attaching.is_undone {
            there.disk.remove(dir, name);
            self.counts.add("part taken away");
        }
        Ok(())
    }

    fn judge_removed(&mut self, member: usize, Change { dir, name }: &Change) -> Result<(), Violation> {
        self.counts.add("part removed");
        let (Some(files), Some(there)) = (&self.files, self.members.get(member)) else { return Ok(()) };
        let place = format!("{}/{}", dir.to_string_lossy(), name.to_string_lossy());
        let wrong = |rule, what: &str| Err(Violation::new(rule, format!("{} removes {place}{what}", there.name)));
        let Some(author) = author_of(dir).filter(|author| *author == there.author) else { return wrong("F5", "") };
        let Some((id, _)) = files.part_of(name) else { return wrong("F4", ", which it does not know") };
        let Some(released) = files.released.get(&(author, id)).filter(|_| !files.is_needed(author, id)) else {
            return wrong("F4", ", which a message needs");
        };
        // A clock that jumps measures no time.
        if there.clock.is_right() && self.now < released.at + CARRYING.grace {
            return wrong("F4", " too early");
        }
        let is_young = there.clock.is_right() && self.now < released.at + CARRYING.patience;
        if let Some(other) = self.lacks_release(there, released).filter(|_| is_young) {
            return wrong("F4", &format!(" although {} lacks the release", other.name));
        }
        Ok(())
    }

    fn judge_fetched(&mut self, member: usize, Change { dir, name }: &Change) -> Result<(), Violation> {
        self.counts.add("part fetched");
        let (Some(files), Some(there)) = (&self.files, self.members.get(member)) else { return Ok(()) };
        let Some(attaching) = &there.attaching else { return Ok(()) };
        let stem = |name: &OsStr| name.to_string_lossy().trim_start_matches('.').to_owned();
        let asked = attaching.asked.iter().map(ToString::to_string);
        let is_asked = asked.into_iter().any(|id| id.get(..32).is_some_and(|id| stem(name).starts_with(id)));
        let is_included = attaching.fetch != tempo_session::Fetch::OnDemand;
        let is_about_parts = name.is_empty() || files.part_of(name).is_some();
        if is_asked || is_included || !is_about_parts || (name.is_empty() && !attaching.asked.is_empty()) {
            return Ok(());
        }
        let place = format!("{}/{}", dir.to_string_lossy(), name.to_string_lossy());
        Err(Violation::new("F6", format!("{} opens {place} without being asked", there.name)))
    }

    /// Returns a member that must be waited for and lacks a release: the remover has messages of it.
    fn lacks_release(&self, remover: &Member, released: &Released) -> Option<&Member> {
        // A member that is silent for longer does not count.
        let is_early = self.now < CARRYING.patience;
        let is_certain = self.is_membership_fixed && !self.retiring.has_begun && is_early;
        let list = remover.running.as_ref().map(|running| &running.app.list);
        let counts = |member: &&Member| list.is_some_and(|list| list.iter().any(|it| it.id.author == member.author));
        let has = |member: &Member| {
            member.store.has_database() || member.store.frames().iter().any(|frame| frame.digest() == released.digest)
        };
        self.present().filter(counts).find(|member| !has(member)).filter(|_| is_certain)
    }

    /// Lets all members ask for all files in the end, and put back what was removed. Each file that a member still has must
    /// arrive, and what was released must be gone.
    pub(super) fn settle_files(&mut self) -> Result<(), Violation> {
        if self.files.is_none() {
            return Ok(());
        }
        for member in 0..self.members.len() {
            for id in self.attached() {
                if self.own_file(member, id).is_some() {
                    self.put_file_back(member, id);
                }
            }
        }
        for round in 0..ROUNDS {
            for (member, id) in self.lacking() {
                self.fetch_file(member, id);
            }
            self.run_for(ROUND)?;
            let differs = self.service.compare_all();
            self.plan_service();
            if !differs && round > 0 && self.lacking().is_empty() && self.lingering(Duration::ZERO).is_none() {
                break;
            }
        }
        if let Some((member, id)) = self.lacking().into_iter().next() {
            let Some(there) = self.members.get(member) else { return Ok(()) };
            let view = there.session().map(|session| session.file(id));
            let parts: Vec<_> =
                there.disk.parts().into_iter().map(|(dir, name, bytes)| (dir, name, bytes.len())).collect();
            let what = format!("{} never gets the file {id}: {view:?}; in its folder are {parts:?}", there.name);
            self.fail(Violation::new("F8", what));
        }
        if let Some(what) = self.lingering(CARRYING.patience + CARRYING.grace + ROUND * 2) {
            self.fail(Violation::new("F4", what));
        }
        self.verdict()
    }

    /// Returns the author in whose place a member is sure to put a file.
    fn own_file(&self, member: usize, id: AttachmentId) -> Option<AuthorId> {
        let there = self.members.get(member)?;
        let attaching = there.attaching.as_ref().filter(|_| !there.is_gone() && !there.is_ambiguous)?;
        let files = self.files.as_ref()?;
        let (_, content) = files.contents.get(&id)?;
        let is_sound = attaching.has(id, content) && !attaching.has_changed.contains(&id);
        Some(there.author).filter(|author| is_sound && files.is_needed(*author, id))
    }

    /// Returns which members lack which files, among the files that a member is sure to put.
    fn lacking(&self) -> Vec<(usize, AttachmentId)> {
        let mut lacking = Vec::new();
        for id in self.attached() {
            if !(0..self.members.len()).any(|member| self.own_file(member, id).is_some()) {
                continue;
            }
            let Some((_, content)) = self.files.as_ref().and_then(|files| files.contents.get(&id)) else { continue };
            for (number, there) in self.members.iter().enumerate().filter(|(_, there)| !there.is_gone()) {
                // A member that has changed its own copy may want no other.
                let attaching = there.attaching.as_ref().filter(|it| !it.has_changed.contains(&id));
                if attaching.is_some_and(|it| !it.has(id, content)) {
                    lacking.push((number, id));
                }
            }
        }
        lacking
    }

    /// Returns a part that is still in its place, although its file was released longer ago than this and nothing keeps it.
    fn lingering(&self, after: Duration) -> Option<String> {
        let files = self.files.as_ref()?;
        for there in self.present().filter(|there| !there.is_ambiguous && there.clock.is_right()) {
            for (dir, name, content) in there.disk.parts() {
                let Some((id, part)) = files.part_of(&name) else { continue };
                let author = author_of(&dir).filter(|author| *author == there.author);
                let released = author.and_then(|author| files.released.get(&(author, id)));
                let is_due = released.is_some_and(|it| self.now > it.at + after);
                let is_free = author.is_some_and(|author| !files.is_needed(author, id)) && is_exact(&name);
                if is_due && is_free && content == part {
                    return Some(format!("{} never removes {}", there.name, name.to_string_lossy()));
                }
            }
        }
        None
    }
}

/// Returns the author in whose own place a part is.
fn author_of(place: &OsStr) -> Option<AuthorId> {
    match DirName::parse(owner_of(place)?) {
        DirName::Author(author) => Some(author),
        _ => None,
    }
}

/// Returns whether a name is one that the author itself has given.
fn is_exact(name: &OsStr) -> bool {
    matches!(name.len(), 32 | 37)
}

/// The bytes of a part that is damaged: of the same length, or shorter.
pub(super) fn damaged(content: &Bytes, is_short: bool) -> Bytes {
    let mut bytes = content.to_vec();
    if is_short {
        bytes.truncate(bytes.len() / 2);
    } else if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    bytes.into()
}
