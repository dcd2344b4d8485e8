//! The pace of heads: an author leaves its head soon after a change, but not often.

use std::time::Duration;

use tempo_message::Head;

use crate::{engine::link::Link, errors::describe};

/// Limits how often heads are left. Each head costs the service an upload and the other members a
/// listing.
#[derive(Debug, Default)]
pub(crate) struct HeadPace {
    /// The last head that was left in this life.
    last: Option<Head>,
    /// The core's count of known facts at that time.
    known: Option<u64>,
    /// The times of the last few heads, oldest first.
    recent: [Option<Duration>; Self::AT_ONCE],
    /// The earliest time of the next attempt after a failure.
    not_before: Duration,
}

impl HeadPace {
    /// The most heads within [`SPAN`](Self::SPAN): one at the start, and one after what is sent
    /// then.
    const AT_ONCE: usize = 3;
    /// The span that may contain at most [`AT_ONCE`](Self::AT_ONCE) heads.
    const SPAN: Duration = Duration::from_secs(90);
    /// The delay before the next attempt while there is no head to leave.
    const AGAIN: Duration = Duration::from_secs(30);

    /// Leaves the head if it is due; returns the time until the next attempt.
    pub(crate) fn step(&mut self, link: &mut Link, now: Duration) -> Option<Duration> {
        let (known, is_leaving) = {
            let state = link.shared.lock();
            (state.core.known(), state.lifecycle.is_leaving())
        };
        let wait = self.due(known, now)?;
        if !wait.is_zero() && !is_leaving {
            return Some(wait);
        }
        let error = match link.shared.head() {
            Ok(None) => return Some(Self::AGAIN),
            Ok(Some(head)) if !self.is_news(&head) => {
                self.known = Some(known);
                return None;
            }
            Ok(Some(head)) => match link.transport.leave_head(&head) {
                Ok(()) => {
                    self.left(head, known, now);
                    None
                }
                Err(error) => Some(describe(&error)),
            },
            Err(error) => Some(describe(&error)),
        };
        let next = error.is_some().then_some(Self::AGAIN);
        if error.is_some() {
            self.failed(now);
        }
        link.shared.lock().head_error = error;
        next
    }

    /// Returns how long to wait before the next head; `None` when the core knows nothing new.
    fn due(&self, known: u64, now: Duration) -> Option<Duration> {
        if self.known == Some(known) {
            return None;
        }
        let [oldest, ..] = self.recent;
        let at = oldest.map_or(Duration::ZERO, |oldest| oldest + Self::SPAN).max(self.not_before);
        Some(at.saturating_sub(now))
    }

    /// Returns whether a head differs from the last one in more than its time.
    fn is_news(&self, head: &Head) -> bool {
        let as_before = |last: &Head| Head { unix_ms: last.unix_ms, seal: last.seal, ..head.clone() };
        self.last.as_ref().is_none_or(|last| as_before(last) != *last)
    }

    /// Records that a head was left.
    fn left(&mut self, head: Head, known: u64, now: Duration) {
        self.recent.rotate_left(1);
        if let Some(latest) = self.recent.last_mut() {
            *latest = Some(now);
        }
        (self.last, self.known) = (Some(head), Some(known));
    }

    /// Records that a head could not be left.
    fn failed(&mut self, now: Duration) {
        self.not_before = now + Self::SPAN / 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_heads_follow_at_once_and_later_ones_wait() {
        let head = Head {
            author: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            name: None,
            place: None,
            counter: 0,
            digest: None,
            lamport: tempo_clock::Lamport(0),
            seen: Vec::new(),
            wanted: Vec::new(),
            life: tempo_message::Life::default(),
            unix_ms: 0,
            seal: None,
        };
        let mut pace = HeadPace::default();
        let second = Duration::from_secs(1);
        for known in 0..3 {
            assert_eq!(pace.due(known, second * 5), Some(Duration::ZERO));
            pace.left(head.clone(), known, second * 5);
            assert_eq!(pace.due(known, second * 5), None, "nothing new");
        }
        assert_eq!(pace.due(3, second * 5), Some(HeadPace::SPAN));
        assert_eq!(pace.due(3, second * 5 + HeadPace::SPAN), Some(Duration::ZERO));
        assert!(!pace.is_news(&Head { unix_ms: 7, ..head.clone() }) && pace.is_news(&Head { counter: 1, ..head }));
        pace.failed(second * 200);
        assert!(pace.due(3, second * 200) > Some(second * 20));
    }
}
