//! Files that travel with messages: what members do with them, and what every carrier does to their parts.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Digest, Frame, Kind, Manifest, Release};
use tempo_session::{
    Carrying, Fetch, Keep,
    components::{Carrier, Components, Driver, Turn},
    store::{Outside, Shelf},
};

use super::{
    Pending, RESTLESS, Simulation, Violation,
    shelf::{SimFiles, SimShelf},
};

/// The times by which parts move in a world.
pub(super) const CARRYING: Carrying = Carrying {
    look: Duration::from_secs(2),
    idle: Duration::from_secs(20),
    stay: Duration::from_secs(100),
    grace: Duration::from_secs(60),
    patience: Duration::from_secs(400),
};
/// The exponent of the size of parts.
const EXPONENT: u8 = 10;

/// What a member needs to send and fetch files.
#[derive(Debug, Clone)]
pub(crate) struct Attaching {
    pub(super) shelf: SimShelf,
    /// The files of its application.
    pub(super) originals: SimFiles,
    pub(super) fetch: Fetch,
    /// The files that its application has asked for.
    pub(super) asked: BTreeSet<AttachmentId>,
    /// The files of whose content the application has the only copy, by their names there.
    pub(super) kept_outside: BTreeMap<AttachmentId, String>,
    /// Files of which that copy was changed.
    pub(super) has_changed: BTreeSet<AttachmentId>,
    /// The time at which the place of its own files was deselected.
    pub(super) deselected_at: Option<Duration>,
    /// True while something takes every part away that the member puts.
    pub(super) is_undone: bool,
    /// How often each part was put.
    pub(super) puts: BTreeMap<(OsString, OsString), u32>,
    /// The number of exports, for the names of what is exported.
    pub(super) exports: u64,
}

/// A member's carrier while its process runs.
#[derive(Debug)]
pub(crate) struct Carried {
    carrier: Carrier,
    /// The time of its next turn.
    pub(super) at: Option<Duration>,
    restless: u32,
}

/// What is true of the files of a run.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Everything that anybody has attached.
    pub(super) contents: BTreeMap<AttachmentId, (Manifest, Bytes)>,
    /// The last message of each author that names a file.
    pub(super) named: BTreeMap<(AuthorId, AttachmentId), u64>,
    /// The last release by each author, and when it was sent.
    pub(super) released: BTreeMap<(AuthorId, AttachmentId), Released>,
}

/// A release.
#[derive(Debug, Clone, Copy)]
pub(super) struct Released {
    pub(super) counter: u64,
    pub(super) at: Duration,
    pub(super) digest: Digest,
}

impl Attaching {
    pub(super) fn new(fetch: Fetch) -> Self {
        Self {
            shelf: SimShelf::default(),
            originals: SimFiles::default(),
            fetch,
            asked: BTreeSet::new(),
            kept_outside: BTreeMap::new(),
            has_changed: BTreeSet::new(),
            deselected_at: None,
            is_undone: false,
            puts: BTreeMap::new(),
            exports: 0,
        }
    }

    /// Returns whether the machine has a file with this content: the shelf, or the application.
    pub(super) fn has(&self, id: AttachmentId, content: &Bytes) -> bool {
        let outside = || self.originals.get(self.kept_outside.get(&id)?);
        self.shelf.durable(id).or_else(outside).as_ref() == Some(content)
    }

    /// Returns what the image of a machine includes.
    pub(super) fn copied(&self) -> Self {
        Self { shelf: self.shelf.copied(), originals: self.originals.copied(), ..self.clone() }
    }

    /// Adds what a session needs for files.
    pub(super) fn add_to(&self, components: &mut Components) {
        components.shelf = Some(Arc::new(self.shelf.clone()) as Arc<dyn Shelf>);
        components.outside = Arc::new(self.originals.clone()) as Arc<dyn Outside>;
        (components.fetch, components.carrying, components.part_exponent) = (self.fetch, CARRYING, EXPONENT);
    }
}

impl Carried {
    pub(super) fn of(driver: &mut Driver) -> Option<Self> {
        driver.carrier().map(|carrier| Self { carrier, at: None, restless: 0 })
    }
}

impl Files {
    /// Returns whether a message of an author still needs a file.
    pub(super) fn is_needed(&self, author: AuthorId, id: AttachmentId) -> bool {
        let named = self.named.get(&(author, id));
        named.is_some_and(|named| self.released.get(&(author, id)).is_none_or(|it| it.counter < *named))
    }

    /// Returns the file, and the bytes, of the part with a name in a place.
    pub(super) fn part_of(&self, name: &OsStr) -> Option<(AttachmentId, Bytes)> {
        let name = name.to_str()?;
        let (stem, rest) = name.split_at_checked(32)?;
        let (&id, (manifest, content)) = self.contents.iter().find(|(id, _)| id.to_string().starts_with(stem))?;
        let number = rest.strip_prefix('-').and_then(|rest| u16::from_str_radix(rest.get(..4)?, 16).ok()).unwrap_or(0);
        let part = manifest.part(usize::from(number))?;
        let from = usize::try_from(part.offset).ok()?;
        Some((id, content.slice(from..from + usize::try_from(part.length).ok()?)))
    }
}

impl Simulation {
    /// Restarts all members so that they can send and fetch files.
    pub(crate) fn with_files(&mut self, mut fetch: impl FnMut(usize) -> Fetch) {
        self.files = Some(Box::default());
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.attaching = Some(Box::new(Attaching::new(fetch(member))));
            }
            self.start(member);
        }
    }

    /// Notes what a message says of files.
    pub(super) fn notice_files(&mut self, frame: &Frame) {
        let (now, Some(files)) = (self.now, &mut self.files) else { return };
        let (message, author) = (frame.message(), frame.id().author);
        for attachment in &message.attachments {
            let last = files.named.entry((author, attachment.manifest.id())).or_default();
            *last = message.id.counter.max(*last);
        }
        let release = Release::from_bytes(&message.payload).filter(|_| message.kind == Kind::Release);
        for id in release.iter().flat_map(Release::ids) {
            let released = Released { counter: message.id.counter, at: now, digest: frame.digest() };
            files.released.insert((author, *id), released);
        }
    }

    /// Lets a member attach content, and perhaps send it. With `original`, its application keeps it.
    pub(crate) fn send_file(&mut self, member: usize, content: Bytes, original: bool, is_sent: bool) {
        let (Some(session), Some(there)) = (self.session(member).cloned(), self.members.get_mut(member)) else {
            return;
        };
        let Some(attaching) = &mut there.attaching else { return };
        let name = format!("take {}", content.len());
        let attached = if original {
            attaching.originals.put(&name, content.clone());
            session.attach(format!("/{name}"), Keep::Original)
        } else {
            session.attach_bytes(&mut &*content, &name)
        };
        // The shelf or the store has no room, or the power is off.
        let Ok(attachment) = attached else { return };
        let id = attachment.manifest.id();
        if original && attaching.shelf.durable(id).is_none() {
            attaching.kept_outside.insert(id, name);
        }
        if let Some(files) = &mut self.files {
            files.contents.insert(id, (attachment.manifest.clone(), content.clone()));
        }
        self.counts.add(if original { "original attached" } else { "file attached" });
        let attaching = self.members.get(member).and_then(|there| there.attaching.as_ref());
        if !original && attaching.and_then(|it| it.shelf.durable(id)) != Some(content) {
            return self.fail(Violation::new("F3", format!("a loss of power may take {id}, which was attached")));
        }
        if is_sent {
            let _ = session.send_with("listen", &[attachment]);
        }
        self.notice_sent(member);
        self.carry_soon(member, Duration::from_micros(50));
        self.turn_soon(member, Duration::from_micros(50));
        self.look_after(member);
    }

    /// Lets a member ask for a file.
    pub(crate) fn fetch_file(&mut self, member: usize, id: AttachmentId) {
        let Some(session) = self.session(member).cloned() else { return };
        // A file that it does not know, or a store without room.
        if session.fetch(id).is_ok()
            && let Some(attaching) = self.members.get_mut(member).and_then(|there| there.attaching.as_mut())
        {
            attaching.asked.insert(id);
            self.counts.add("file asked for");
        }
        self.carry_soon(member, Duration::from_micros(50));
    }

    /// Lets a member write a file that it has, or that is in its folder, to where its application wants it.
    pub(crate) fn export_file(&mut self, member: usize, id: AttachmentId) {
        let Some(session) = self.session(member).cloned() else { return };
        let Some(attaching) = self.members.get_mut(member).and_then(|there| there.attaching.as_mut()) else { return };
        attaching.asked.insert(id);
        attaching.exports += 1;
        let (name, originals) = (format!("export {}", attaching.exports), attaching.originals.clone());
        let exported = session.export(id, format!("/{name}")).is_ok();
        let content = originals.take(&name);
        let right = self.files.as_ref().and_then(|files| files.contents.get(&id)).map(|(_, content)| content);
        let is_right = if exported { content.as_ref() == right } else { content.is_none() };
        if exported {
            self.counts.add("file exported");
        }
        if !is_right {
            let what = format!("{} exported something else than {id}", self.name_of(member));
            self.fail(Violation::new("F2", what));
        }
        self.look_after(member);
    }

    /// Lets a member give up what it has fetched.
    pub(crate) fn discard_file(&mut self, member: usize, id: AttachmentId) {
        if let Some(session) = self.session(member) {
            let _ = session.discard(id);
        }
    }

    /// Lets a member say that a file is not needed any more.
    pub(crate) fn release_file(&mut self, member: usize, id: AttachmentId) {
        let Some(session) = self.session(member).cloned() else { return };
        if session.release(&[id]).is_ok() {
            self.note_fault(member, "file released", "releases a file");
        }
        self.notice_sent(member);
        self.carry_soon(member, Duration::from_micros(50));
        self.turn_soon(member, Duration::from_micros(50));
        self.look_after(member);
    }

    /// Lets a member put a file back that was removed.
    pub(super) fn put_file_back(&mut self, member: usize, id: AttachmentId) {
        if let Some(session) = self.session(member) {
            let _ = session.put_back(id);
        }
        if let Some(attaching) = self.members.get_mut(member).and_then(|there| there.attaching.as_mut()) {
            attaching.deselected_at = None;
            attaching.puts.clear();
        }
        self.carry_soon(member, Duration::from_micros(50));
    }

    /// Lets a member's carrier make a turn.
    pub(super) fn carry(&mut self, member: usize, at: Duration) {
        let Some(there) = self.members.get_mut(member) else { return };
        let Some(carried) = there.running.as_mut().and_then(|running| running.carried.as_mut()) else { return };
        if carried.at != Some(at) {
            return;
        }
        carried.at = None;
        let turn = carried.carrier.turn();
        carried.restless = if turn == Turn::Again { carried.restless + 1 } else { 0 };
        let is_restless = carried.restless > RESTLESS;
        if there.disk.is_without_power() {
            self.counts.add("crash during a call");
            let back_after = Duration::from_millis(self.rng.range(500..20_000));
            self.look_after(member);
            return self.crash(member, back_after);
        }
        if is_restless {
            let what = format!("the carrier of {} never comes to rest", self.name_of(member));
            return self.fail(Violation::new("I16", what));
        }
        self.hasher.add(&[5, member as u64, u64::from(turn == Turn::Again)]);
        match turn {
            Turn::Again => self.carry_soon(member, Duration::from_micros(200)),
            Turn::Wait(longest) => self.carry_soon(member, longest.max(Duration::from_millis(1))),
            Turn::Stop => {}
        }
        self.look_after(member);
        self.check_kept(member);
    }

    pub(super) fn carry_soon(&mut self, member: usize, delay: Duration) {
        let at = self.now + delay;
        let running = self.members.get_mut(member).and_then(|there| there.running.as_mut());
        if let Some(carried) = running.and_then(|running| running.carried.as_mut())
            && carried.at.is_none_or(|planned| at < planned)
        {
            carried.at = Some(at);
            self.push(delay, Pending::Carry(member));
        }
    }

    /// Checks that everything on a member's shelf is what was attached.
    fn check_kept(&mut self, member: usize) {
        let (Some(files), Some(there)) = (&self.files, self.members.get(member)) else { return };
        let Some(attaching) = &there.attaching else { return };
        let wrong = attaching.shelf.kept().into_iter().find(|id| {
            files.contents.get(id).is_some_and(|(_, content)| attaching.shelf.durable(*id).as_ref() != Some(content))
        });
        if let Some(id) = wrong {
            self.fail(Violation::new("F2", format!("{} keeps something else as {id}", there.name)));
        }
    }

    /// Returns the files that were attached.
    pub(crate) fn attached(&self) -> Vec<AttachmentId> {
        self.files.iter().flat_map(|files| files.contents.keys().copied()).collect()
    }
}
