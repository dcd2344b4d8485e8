//! Which look at the folder somebody waits for.

use std::time::Duration;

/// Looks at the whole folder, by number. The first one is the look that every first message waits for.
#[derive(Debug, Default)]
pub(crate) struct Refresh {
    wanted: u64,
    done: u64,
    /// Until when a first message waits; `None` once that is over.
    first_until: Option<Duration>,
}

impl Refresh {
    /// With a first look for which messages wait until then.
    pub(crate) fn with_first(until: Option<Duration>) -> Self {
        Self { wanted: u64::from(until.is_some()), done: 0, first_until: until }
    }

    /// Asks for a look; the answer is its number.
    pub(crate) fn ask(&mut self) -> u64 {
        self.wanted += 1;
        self.wanted
    }

    /// The look that is to be made, if one is.
    pub(crate) fn wanted(&self) -> Option<u64> {
        (self.wanted > self.done).then_some(self.wanted)
    }

    pub(crate) fn is_done(&self, number: u64) -> bool {
        self.done >= number
    }

    /// A look is done, and with it all before.
    pub(crate) fn done(&mut self, number: u64) {
        (self.done, self.first_until) = (number, None);
    }

    /// Until when a first message waits for the first look.
    pub(crate) fn first_until(&self) -> Option<Duration> {
        self.first_until
    }

    /// The first look takes too long; no message waits for it any more.
    pub(crate) fn give_up_first(&mut self) {
        self.first_until = None;
    }
}
