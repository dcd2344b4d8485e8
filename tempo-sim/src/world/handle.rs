//! The world as an application's test sees it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_session::{Session, error::SendError};

use super::{Scheme, SimClock, SimStore, Simulation, Violation};
use crate::{Counts, Disk, DiskOptions, Profile, Rng, Trace, rule::Rule};

/// A simulated session: real sessions and real folder code on simulated disks, in virtual time.
///
/// Everything follows from the seed and from your calls. The world checks the invariants after every step. If one is
/// violated, the call that let time pass returns an error.
///
/// ```
/// use std::time::Duration;
/// use tempo_sim::{DROPBOX, World};
///
/// let mut world = World::new(7).profile(DROPBOX).members(3);
/// let (ana, cleo) = (world.session(0).unwrap(), world.session(2).unwrap());
/// let mut events = cleo.events();
/// ana.send("hello").unwrap();
/// // The application waits as it always does, and the world runs meanwhile.
/// assert_eq!(ana.flush(Duration::from_secs(10)), 0);
/// assert!(events.next_within(Duration::from_secs(60)).unwrap().is_some());
///
/// world.rest().unwrap();
/// assert_eq!(world.session(2).unwrap().timeline().len(), 1);
/// ```
///
/// # Waiting
///
/// Time passes in the calls that say so, [`run_for`](Self::run_for) and [`rest`](Self::rest), and in every call of a
/// session that waits: [`refresh`](Session::refresh), [`flush`](Session::flush), [`close`](Session::close),
/// [`pack`](Session::pack), [`relay`](Session::relay), events, cursors and replicas. While one waits, everything else
/// happens, at all members, until the call has what it waits for or its patience is over. It takes no real time. For
/// futures and streams there is [`block_on`](Self::block_on). Runs of one thread stay reproducible; with several, their
/// order decides.
///
/// A session cannot return a [`Violation`]. Where one happens while it waits, the call panics with it, and later calls
/// of the world return it. A call also panics if it waits for more than a day of virtual time for something that does
/// not come, as [`Events`](tempo_session::Events) do as an iterator, or if the world is gone.
///
/// # Processes
///
/// A session that its application closes is down until the member is [restarted](Self::restart), as by
/// [`rest`](Self::rest). When a process crashes or restarts, all handles to its session are closed. Get the new session
/// from [`session`](Self::session).
#[derive(Debug)]
pub struct World {
    simulation: Arc<Mutex<Simulation>>,
}

/// The machine of a member.
#[derive(Debug, Clone)]
pub struct Machine {
    author: AuthorId,
    disk: Disk,
    store: SimStore,
    clock: Arc<SimClock>,
}

impl World {
    /// Creates a world from a seed, with no members yet and an ideal service.
    pub fn new(seed: u64) -> Self {
        let simulation = Arc::new_cyclic(|world| {
            let mut simulation = Simulation::new(seed);
            simulation.world = world.clone();
            Mutex::new(simulation)
        });
        Self { simulation }
    }

    /// Replaces the service. Call this before adding the members.
    #[must_use]
    pub fn profile(self, profile: Profile) -> Self {
        self.simulation().set_profile(profile);
        self
    }

    /// Sets how members sign. Call this before adding them.
    #[must_use]
    pub fn signing(self, scheme: Scheme) -> Self {
        self.simulation().set_signing(scheme);
        self
    }

    /// Adds this number of members and starts them.
    #[must_use]
    pub fn members(self, members: usize) -> Self {
        self.members_with_disks(members, |_| DiskOptions::default())
    }

    /// Adds members with a disk of your choice for each, and starts them.
    #[must_use]
    pub fn members_with_disks(self, members: usize, options: impl FnMut(&mut Rng) -> DiskOptions) -> Self {
        self.simulation().add_members(members, options);
        self
    }

    /// Records the trace of the run from now on, with the command that reproduces it.
    pub fn record(&mut self, seed: u64, command: String) {
        self.simulation().record(seed, command);
    }

    /// Returns a member's session, as an application would use it, or `None` while the member is down.
    ///
    /// The world keeps a cursor of its own, `tempo-sim`, and takes no events from the application.
    pub fn session(&self, member: usize) -> Option<Session> {
        self.simulation().session(member).cloned()
    }

    /// Returns the machine of a member.
    pub fn member(&self, member: usize) -> Option<Machine> {
        let simulation = self.simulation();
        simulation.member(member).map(|there| Machine {
            author: there.author,
            disk: there.disk.clone(),
            store: there.store.clone(),
            clock: Arc::clone(&there.clock),
        })
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.simulation().len()
    }

    /// Returns whether the world has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the virtual time since the start of the run.
    pub fn now(&self) -> Duration {
        self.simulation().now()
    }

    /// Returns a hash of everything that has happened.
    pub fn hash(&self) -> u64 {
        self.simulation().hash()
    }

    /// Returns the number of times that each notable event happened.
    pub fn counts(&self) -> Counts {
        self.simulation().counts.clone()
    }

    /// Adds a fault. Rules are asked in the order of their addition. A rule calls neither the world nor sessions.
    pub fn rule(&mut self, rule: impl Rule + 'static) {
        self.simulation().rule(rule);
    }

    /// Lets a member send a message, if it is running.
    ///
    /// # Errors
    ///
    /// Fails as [`Session::send`] does.
    pub fn send(&mut self, member: usize, text: &str) -> Result<(), SendError> {
        self.simulation().send(member, text)
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// Returns a [`Violation`] if an invariant is violated. The world does not advance after that.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        let mut simulation = self.simulation();
        simulation.notice_requests();
        simulation.run_for(time)
    }

    /// Ends all faults, restarts every member, lets the service carry everything, and checks that all members agree.
    ///
    /// # Errors
    ///
    /// Returns a [`Violation`] if an invariant is violated, or if a member still lacks something in the end.
    pub fn rest(&mut self) -> Result<(), Violation> {
        let mut simulation = self.simulation();
        simulation.notice_requests();
        simulation.rest()
    }

    /// Does what [`rest`](Self::rest) does, without restarting the members that run. The checks must hold if nothing
    /// but the service has touched a member's files.
    ///
    /// # Errors
    ///
    /// Fails as [`rest`](Self::rest) does.
    pub fn rest_running(&mut self) -> Result<(), Violation> {
        let mut simulation = self.simulation();
        simulation.notice_requests();
        simulation.rest_running()
    }

    /// Returns the trace, if it was recorded.
    pub fn into_trace(self) -> Option<Trace> {
        self.simulation().take_trace()
    }

    pub(super) fn simulation(&self) -> MutexGuard<'_, Simulation> {
        // A panic while it runs is a failed test; other threads may still look.
        self.simulation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    /// Returns the author that the member wrote as when it was asked for.
    pub fn author(&self) -> AuthorId {
        self.author
    }

    /// Returns the disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Returns the store.
    pub fn store(&self) -> &SimStore {
        &self.store
    }

    /// Returns the clock.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }
}
