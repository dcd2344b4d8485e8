//! The clocks of a session.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

/// The source of time for a session. The simulator provides its own.
pub trait Environment: fmt::Debug + Send + Sync {
    /// Returns the time since any fixed moment. It never decreases.
    fn now(&self) -> Duration;

    /// Returns the wall clock in milliseconds since 1970-01-01 00:00 UTC. It may be wrong and may jump.
    fn unix_ms(&self) -> i64;
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
}
