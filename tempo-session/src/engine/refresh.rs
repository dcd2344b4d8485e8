//! The looks at the folder that a caller waits for.

use std::time::Duration;

/// Numbered looks at the whole folder. Each first message waits for the first look.
#[derive(Debug, Default)]
pub(crate) struct Refresh {
    wanted: u64,
    done: u64,
    /// The time until which a first message waits; `None` once the wait is over.
    first_until: Option<Duration>,
}

impl Refresh {
    /// Begins with a first look that messages wait for until the given time.
    pub(crate) fn with_first(until: Option<Duration>) -> Self {
        Self { wanted: u64::from(until.is_some()), done: 0, first_until: until }
    }

    /// Asks for a look; returns its number.
    pub(crate) fn ask(&mut self) -> u64 {
        self.wanted += 1;
        self.wanted
    }

    /// Returns the number of the look to make, if there is one.
    pub(crate) fn wanted(&self) -> Option<u64> {
        (self.wanted > self.done).then_some(self.wanted)
    }

    pub(crate) fn is_done(&self, number: u64) -> bool {
        self.done >= number
    }

    /// Records that a look and all earlier ones are done.
    pub(crate) fn done(&mut self, number: u64) {
        (self.done, self.first_until) = (number, None);
    }

    /// Returns the time until which a first message waits for the first look.
    pub(crate) fn first_until(&self) -> Option<Duration> {
        self.first_until
    }

    /// Gives up on the first look, which takes too long; no message waits for it any more.
    pub(crate) fn give_up_first(&mut self) {
        self.first_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_counts_for_all_that_asked_before_it_began() {
        let mut refresh = Refresh::default();
        let (first, second) = (refresh.ask(), refresh.ask());
        assert_eq!(refresh.wanted(), Some(second));
        refresh.done(second);
        let third = refresh.ask();
        assert!(refresh.is_done(first) && refresh.is_done(second) && !refresh.is_done(third));
        assert_eq!(refresh.wanted(), Some(third));
    }

    #[test]
    fn the_first_look_is_a_refresh_that_can_be_given_up() {
        let until = Some(Duration::from_secs(3));
        let mut refresh = Refresh::with_first(until);
        assert_eq!((refresh.wanted(), refresh.first_until()), (Some(1), until));
        refresh.give_up_first();
        assert_eq!((refresh.wanted(), refresh.first_until()), (Some(1), None), "it is still made");
        assert_eq!(Refresh::with_first(None).wanted(), None);
    }
}
