//! Waiting in virtual time: the world runs meanwhile.

use std::{
    cmp::Reverse,
    future::Future,
    pin::pin,
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tempo_session::components::Wakeup;

use super::{SimClock, Simulation, Violation, World, member::Member};

/// The longest wait for something that does not come.
const ENDLESS: Duration = Duration::from_secs(24 * 3600);
/// The time that a driver takes to notice that something was asked of it.
const AT_ONCE: Duration = Duration::from_micros(50);

/// Waits on behalf of a session. The simulation makes all steps until something has changed in it or the time has come.
#[allow(clippy::panic, reason = "the session cannot return what is wrong with the test")]
pub(super) fn wait(clock: &SimClock, wakeup: &Wakeup<'_>, until: Duration) {
    let Some(world) = clock.world.get().and_then(Weak::upgrade) else {
        panic!("the world is gone, so virtual time stands still")
    };
    let passed = {
        let mut simulation = world.lock().unwrap_or_else(PoisonError::into_inner);
        simulation.notice_requests();
        simulation.pass(until, || wakeup.has_come())
    };
    if let Err(violation) = passed {
        panic!("while a session waited: {violation}");
    }
}

impl World {
    /// Completes a future, for example the next event of a [stream](tempo_session::Events::poll_next). Time passes while
    /// it waits.
    ///
    /// # Panics
    ///
    /// As described [above](Self#waiting).
    #[allow(clippy::panic, reason = "a future cannot return what is wrong with the test")]
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            // What wakes the future from here on, perhaps while it runs, is a reason to run it again.
            woken.0.store(false, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            let passed = {
                let mut simulation = self.simulation();
                simulation.notice_requests();
                simulation.pass(Duration::MAX, || woken.0.load(Ordering::SeqCst))
            };
            if let Err(violation) = passed {
                panic!("while a future waited: {violation}");
            }
        }
    }
}

impl Simulation {
    /// Lets the drivers notice soon what the applications have sent and asked for.
    pub(super) fn notice_requests(&mut self) {
        let is_wanted = |there: &Member| there.running.as_ref().is_some_and(|running| running.driver.is_wanted());
        for member in 0..self.members.len() {
            if self.members.get(member).is_some_and(is_wanted) {
                self.patient_since = None;
                self.look_after(member);
                self.turn_soon(member, AT_ONCE);
            }
        }
    }

    /// Ends the process of a member whose application has closed the session.
    pub(super) fn notice_closed(&mut self, member: usize) {
        if self.members.get(member).is_some_and(|there| there.running.is_some() && there.session().is_none()) {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.is_closed = true;
            }
        }
    }

    /// Makes steps until something has come, at most until a time.
    fn pass(&mut self, until: Duration, has_come: impl Fn() -> bool) -> Result<(), Violation> {
        self.verdict()?;
        // The clocks of the members count microseconds.
        let until = until.saturating_add(Duration::from_nanos(u64::from(1000 - until.subsec_nanos() % 1000) % 1000));
        let is_patient = until.saturating_sub(self.now) > ENDLESS;
        if !is_patient {
            self.patient_since = None;
        }
        // A wait consists of many, because each turn of a driver is a reason to look again.
        let patient_since = if is_patient { *self.patient_since.get_or_insert(self.now) } else { self.now };
        while !has_come() && self.now < until {
            let end = patient_since.max(self.served_at).saturating_add(ENDLESS);
            match self.queue.peek() {
                Some(Reverse((at, ..))) if *at <= until.min(end) => self.step()?,
                _ if until <= end => self.set_now(until),
                _ => return Err(Violation::new("waiting", "nothing came within a day of virtual time")),
            }
        }
        Ok(())
    }
}

/// Whether a future was woken.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
