//! The clocks of a session, and waiting.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

use crate::engine::wakeup::Wakeup;

/// The source of time for a session, which also waits. The simulator provides its own.
///
/// All calls of a session that wait do so here: [`refresh`](crate::Session::refresh), [`flush`](crate::Session::flush),
/// [`close`](crate::Session::close), [`Events::next_within`](crate::Events::next_within),
/// [`Replica::update_within`](crate::replica::Replica::update_within) and others. So in virtual time, none of them
/// depends on real time.
pub trait Environment: fmt::Debug + Send + Sync {
    /// Returns the time since any fixed moment. It never decreases.
    fn now(&self) -> Duration;

    /// Returns the wall clock in milliseconds since 1970-01-01 00:00 UTC. It may be wrong and may jump.
    fn unix_ms(&self) -> i64;

    /// Waits until `wakeup` [has come](Wakeup::has_come), or until [`now`](Self::now) is `until`. It may return earlier;
    /// the caller then waits again.
    ///
    /// In real time, [`Wakeup::wait`] waits. In virtual time, let what the session waits for happen: turn its
    /// [`Driver`](crate::components::Driver), bring what others have written, and advance the clock. Then each wait ends.
    /// No lock of the session is held meanwhile.
    fn wait(&self, wakeup: &Wakeup<'_>, until: Duration);
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemEnvironment {
    started: Instant,
}

impl Default for SystemEnvironment {
    #[allow(clippy::disallowed_methods, reason = "the one place where a session reads the clock")]
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Environment for SystemEnvironment {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where a session reads the wall clock")]
    fn unix_ms(&self) -> i64 {
        let to_ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => to_ms(after),
            Err(before) => -to_ms(before.duration()),
        }
    }

    fn wait(&self, wakeup: &Wakeup<'_>, until: Duration) {
        wakeup.wait(until.saturating_sub(self.now()));
    }
}
