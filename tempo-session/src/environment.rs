//! Time, as the session is told it.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

/// Where a session takes the time from. The simulator gives it another one.
pub trait Environment: fmt::Debug + Send + Sync {
    /// Time since any fixed moment; never goes back.
    fn now(&self) -> Duration;

    /// What the wall clock shows, in milliseconds since 1970-01-01 00:00 UTC; may be wrong and may jump.
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
