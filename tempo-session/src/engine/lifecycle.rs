//! The phases of a session.

/// A session is open, then leaving, then closing, then closed; it never goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Open,
    /// The application is about to close the session: the last head is left, and nothing is packed
    /// any more.
    Leaving,
    /// The last commit is under way; nothing can be sent.
    Closing,
    /// The store is gone.
    Closed,
}

/// The phase of a session, and whether its driver has anything left to do.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    phase: Phase,
    is_at_rest: bool,
}

impl Lifecycle {
    /// Advances to a later phase.
    pub(crate) fn advance(&mut self, to: Phase) {
        self.phase = self.phase.max(to);
        self.is_at_rest &= to != Phase::Leaving;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase != Phase::Closed
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.phase >= Phase::Leaving
    }

    pub(crate) fn can_send(&self) -> bool {
        self.phase < Phase::Closing
    }

    /// Notes whether the driver has done everything, or begins a turn.
    pub(crate) fn rest(&mut self, is_at_rest: bool) {
        self.is_at_rest = is_at_rest;
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_at_rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_never_goes_back() {
        let mut lifecycle = Lifecycle::default();
        assert!(lifecycle.is_open() && lifecycle.can_send() && !lifecycle.is_leaving());
        lifecycle.rest(true);
        lifecycle.advance(Phase::Leaving);
        assert!(
            !lifecycle.is_at_rest() && lifecycle.can_send() && lifecycle.is_leaving(),
            "the last head is left first"
        );
        lifecycle.advance(Phase::Closing);
        lifecycle.advance(Phase::Leaving);
        assert!(lifecycle.is_open() && !lifecycle.can_send());
        lifecycle.advance(Phase::Closed);
        assert!(!lifecycle.is_open());
    }
}
