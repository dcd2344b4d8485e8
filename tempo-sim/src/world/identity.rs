//! Changes to stores (cloned with their machine, restored to an earlier state, lost), and second processes.

use std::{ffi::OsString, sync::Arc, time::Duration};

use tempo_clock::Seen;
use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{Budget, CollectRequest, Disposition, Own, Transport};
use tempo_session::{
    Session,
    components::{Components, Driver, Environment, Turn},
    error::OpenError,
    store::MemoryStore,
};

use super::{Member, Scheme, SimStore, Simulation, Violation, attaching::Attaching, check};

/// The most turns that a second process takes to see everything.
const TURNS: usize = 200;

impl Simulation {
    /// Clones a member's machine, disk and store, so that two installations write under one name from now on. Returns
    /// the number of the new member, or `None` while the machine is down.
    pub(crate) fn clone_member(&mut self, member: usize) -> Option<usize> {
        let there = self.members.get_mut(member).filter(|there| there.running.is_some())?;
        self.is_membership_fixed = false;
        there.is_ambiguous = true;
        let disk = there.disk.copied(self.rng.fork());
        let mut clone =
            Member::new(there.author, format!("{}\u{2019}s clone", there.name), disk.clone(), self.rng.fork())
                .signing(there.scheme, there.keys.copied());
        // An image of a machine includes its identity.
        (clone.fingerprint, clone.former) = (there.fingerprint, there.former.clone());
        clone.display_name.clone_from(&there.display_name);
        clone.store = there.store.copied();
        clone.saved = there.saved.clone();
        clone.attaching = there.attaching.as_ref().map(|attaching| Box::new(attaching.copied()));
        (clone.is_ambiguous, clone.scrub) = (true, there.scrub);
        (clone.packing, clone.relaying) = (there.packing, there.relaying);
        clone.clock.set_now(self.now);
        if let Some(trace) = &mut self.trace {
            trace.members.push(clone.name.clone());
        }
        self.members.push(clone);
        self.service.add_copy(member, disk);
        let new = self.members.len() - 1;
        self.note_fault(member, "cloned", "the machine is cloned");
        self.start(new);
        Some(new)
    }

    /// Returns a copy of a member's store, for [`restore_store`](Self::restore_store).
    pub(crate) fn copy_store(&self, member: usize) -> Option<SimStore> {
        self.members.get(member).map(|there| there.store.copied())
    }

    /// Restores a member's store to an earlier state and restarts its process.
    ///
    /// Messages that are not in the folder by then are lost with the store; see [`is_at_rest`](Self::is_at_rest).
    pub(crate) fn restore_store(&mut self, member: usize, earlier: SimStore) {
        self.is_membership_fixed = false;
        self.stop(member);
        let Some(there) = self.members.get_mut(member) else { return };
        there.disk.sync();
        // Since then it may have become a new author, of which the store knows nothing.
        if let Some(author) = earlier.marks_now().author().filter(|author| *author != there.author) {
            there.former.push(std::mem::replace(&mut there.author, author));
        }
        there.store = earlier;
        there.is_ambiguous = true;
        if there.scheme != Scheme::Plain && self.rng.chance(100) {
            // A backup has the store without the keys.
            there.keys.lose(there.author);
        }
        // The copy comes either from a snapshot of the machine or from a backup of the file.
        if self.rng.chance(500) {
            there.fingerprint.made_ns = there.fingerprint.made_ns.map(|made| made + 1);
            there.fingerprint.number = there.fingerprint.number.map(|number| number + 1);
            there.copied_from = Some(there.author);
        }
        self.note_fault(member, "store restored", "the store is restored to an earlier state");
        self.start(member);
    }

    /// Loses a member's store. The member returns as a new author.
    pub(crate) fn lose_store(&mut self, member: usize) {
        self.is_membership_fixed = false;
        self.stop(member);
        let Some(there) = self.members.get_mut(member) else { return };
        let author = there.keys.new_author(there.scheme, &mut self.rng);
        there.disk.sync();
        let has_database = there.store.has_database();
        (there.author, there.former) = (author, Vec::new());
        there.store = SimStore::new(author);
        there.attaching = there.attaching.as_ref().map(|attaching| Box::new(Attaching::new(attaching.fetch)));
        if has_database {
            there.store.use_database();
        }
        self.service.add_own(member, OsString::from(author.to_string()));
        self.note_fault(member, "store lost", "the store is lost");
        self.start(member);
    }

    /// Returns whether everything that a member has sent is in its folder, as far as the member knows.
    pub(crate) fn is_at_rest(&self, member: usize) -> bool {
        let running = self.members.get(member).and_then(|there| there.running.as_ref());
        running.is_some_and(|running| running.session.status().unpublished == 0)
    }

    /// Lets a second process observe a member's folder while the first one runs. It must see only sent messages, in
    /// order, and change nothing.
    pub(crate) fn look_with_second_process(&mut self, member: usize) {
        self.look_after(member);
        self.note_fault(member, "second process", "a second process looks into the folder");
        let seen = self.members.get(member).map(observe);
        // If the folder is away or a call fails, the user would try again.
        if let Some(Ok(session)) = seen
            && let Err(violation) = check::observed(&session, &self.registry)
        {
            self.fail(violation);
        }
        let changed = self.members.get(member).is_some_and(|there| !there.disk.take_changes().is_empty());
        if changed {
            self.fail(Violation::new("I10", "an observer changed something in the folder"));
        }
    }

    /// Stops a member's process, lets another process remove the redundant files from its directory, and restarts the
    /// member.
    pub(crate) fn tidy(&mut self, member: usize) {
        self.look_after(member);
        self.stop(member);
        let Some(there) = self.members.get(member) else { return };
        let options = Options::default();
        let opened = FsTransport::open_on(there.disk.fs(), &there.disk.folder(), &options);
        let (author, known) = (there.author, Seen::default());
        let budget = Budget { frames: usize::MAX, bytes: usize::MAX };
        let own = Some(Own { author, joined: there.store.marks_now().has_joined() });
        let want = CollectRequest { known: &known, own, recheck: &[], full: true, budget };
        // If the folder is away or a call fails, nothing more is removed.
        let removed = opened.map(|mut transport| {
            let looked = transport.collect(&want, &mut |_| Disposition::Done);
            looked.map(|_| transport.remove_redundant(author).unwrap_or_default())
        });
        if let Ok(Ok(removed)) = removed
            && !removed.is_empty()
        {
            self.note_fault(member, "tidied", "redundant copies are removed");
        }
        self.look_after(member);
        self.start(member);
    }

    /// Stops a member's application from taking events for a while.
    pub(crate) fn stop_reading(&mut self, member: usize, span: Duration) {
        if let Some(there) = self.members.get_mut(member) {
            there.reads_from = self.now + span;
        }
        self.note_fault(member, "slow reader", "the application takes no events for a while");
    }
}

fn observe(member: &Member) -> Result<Session, OpenError> {
    let mut options = Options::default();
    options.read_only = true;
    options.without_watching = true;
    let transport = FsTransport::open_on(member.disk.fs(), &member.disk.folder(), &options);
    let components = Components {
        environment: Arc::clone(&member.clock) as Arc<dyn Environment>,
        verify: member.scheme.verify(),
        ..Components::new(
            Box::new(transport.map_err(tempo_fs_transport::InstallationError::from)?),
            Box::new(MemoryStore::new(None)),
        )
    };
    let (session, mut driver): (Session, Driver) = Session::assemble(components)?;
    for _ in 0..TURNS {
        if driver.turn() != Turn::Again {
            break;
        }
    }
    Ok(session)
}
