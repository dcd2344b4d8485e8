//! What happens to stores: copied with their machine, put back to an earlier state, lost. And second processes.

use std::{ffi::OsString, sync::Arc, time::Duration};

use tempo_clock::{AuthorId, Seen};
use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{Budget, Own, Taken, Transport, Want};
use tempo_session::{
    Session,
    error::OpenError,
    parts::{Driver, Environment, Parts, Turn},
    store::MemoryStore,
};
use uuid::Uuid;

use super::{Member, SimStore, Violation, World, check};

/// A second process does not take more turns than this to see everything.
const TURNS: usize = 200;

impl World {
    /// A member's machine is cloned, disk and store: from here on two installations write under one name. The answer is
    /// the number of the new member; `None` while the machine is down.
    pub fn clone_member(&mut self, member: usize) -> Option<usize> {
        let there = self.members.get_mut(member).filter(|there| there.running.is_some())?;
        self.is_membership_fixed = false;
        there.is_ambiguous = true;
        let disk = there.disk.copied(self.rng.fork());
        let mut clone =
            Member::new(there.author, format!("{}\u{2019}s clone", there.name), disk.clone(), self.rng.fork());
        // An image of a machine has its identity as well.
        (clone.fingerprint, clone.former) = (there.fingerprint, there.former.clone());
        clone.display_name.clone_from(&there.display_name);
        clone.store = there.store.copied();
        clone.saved = there.saved.clone();
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

    /// What a member's store holds now, for [`restore_store`](Self::restore_store).
    pub fn copy_store(&self, member: usize) -> Option<SimStore> {
        self.members.get(member).map(|there| there.store.copied())
    }

    /// A member's store is put back to an earlier state, and its process starts again with it.
    ///
    /// What is not in the folder by then is lost with the store; see [`is_at_rest`](Self::is_at_rest).
    pub fn restore_store(&mut self, member: usize, earlier: SimStore) {
        self.is_membership_fixed = false;
        self.stop(member);
        let Some(there) = self.members.get_mut(member) else { return };
        there.disk.sync();
        there.store = earlier;
        there.is_ambiguous = true;
        // From a snapshot of the machine, or from a backup of the file.
        if self.rng.chance(500) {
            there.fingerprint.made_ns = there.fingerprint.made_ns.map(|made| made + 1);
            there.fingerprint.number = there.fingerprint.number.map(|number| number + 1);
            there.copied_from = Some(there.author);
        }
        self.note_fault(member, "store restored", "the store is put back to an earlier state");
        self.start(member);
    }

    /// A member's store is lost: it comes back as somebody new.
    pub fn lose_store(&mut self, member: usize) {
        self.is_membership_fixed = false;
        self.stop(member);
        let author = AuthorId::new(Uuid::from_u64_pair(self.rng.next(), self.rng.next()));
        let Some(there) = self.members.get_mut(member) else { return };
        there.disk.sync();
        let has_database = there.store.has_database();
        (there.author, there.former) = (author, Vec::new());
        there.store = SimStore::new(author);
        if has_database {
            there.store.use_database();
        }
        self.service.add_own(member, OsString::from(author.to_string()));
        self.note_fault(member, "store lost", "the store is lost");
        self.start(member);
    }

    /// Whether everything that a member has sent lies in its folder, as far as it knows.
    pub fn is_at_rest(&self, member: usize) -> bool {
        let running = self.members.get(member).and_then(|there| there.running.as_ref());
        running.is_some_and(|running| running.session.status().unpublished == 0)
    }

    /// A second process looks at a member's folder while the first one runs, as an observer, and has to see only what was
    /// sent, in order, and to change nothing.
    pub fn look_with_second_process(&mut self, member: usize) {
        self.look_after(member);
        self.note_fault(member, "second process", "a second process looks into the folder");
        let seen = self.members.get(member).map(observe);
        // When the folder is away, or a call fails, the person would try again.
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

    /// A member's process ends, another one removes what is redundant in the own directory, and the first starts again.
    pub fn tidy(&mut self, member: usize) {
        self.look_after(member);
        self.stop(member);
        let Some(there) = self.members.get(member) else { return };
        let options = Options::default();
        let opened = FsTransport::open_on(there.disk.fs(), &there.disk.folder(), &options);
        let (author, known) = (there.author, Seen::default());
        let budget = Budget { frames: usize::MAX, bytes: usize::MAX };
        let own = Some(Own { author, joined: there.store.marks_now().has_joined() });
        let want = Want { known: &known, own, recheck: &[], full: true, budget };
        // When the folder is away, or a call fails, nothing is removed, or no more.
        let removed = opened.map(|mut transport| {
            let looked = transport.collect(&want, &mut |_| Taken::Settled);
            looked.map(|_| transport.remove_redundant(author).unwrap_or_default())
        });
        if let Ok(Ok(removed)) = removed
            && !removed.is_empty()
        {
            self.note_fault(member, "tidied", "copies that are redundant are removed");
        }
        self.look_after(member);
        self.start(member);
    }

    /// A member's application takes no events for a while.
    pub fn stop_reading(&mut self, member: usize, span: Duration) {
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
    let parts = Parts {
        environment: Arc::clone(&member.clock) as Arc<dyn Environment>,
        ..Parts::new(
            Box::new(transport.map_err(tempo_fs_transport::InstallationError::from)?),
            Box::new(MemoryStore::new(None)),
        )
    };
    let (session, mut driver): (Session, Driver) = Session::assemble(parts)?;
    for _ in 0..TURNS {
        if driver.turn() != Turn::Again {
            break;
        }
    }
    Ok(session)
}
