//! When an author leaves its head: soon after something has changed, and not often.

use std::time::Duration;

use tempo_message::Head;

use crate::{engine::link::Link, errors::describe};

/// How often heads may be left. Every one is an upload for the service and a listing for the others.
#[derive(Debug, Default)]
pub(crate) struct HeadPace {
    /// What was left last in this life.
    last: Option<Head>,
    /// How much was known then.
    known: Option<u64>,
    /// When the oldest of the last few was left.
    recent: [Option<Duration>; Self::AT_ONCE],
    /// When to try again after a failure.
    not_before: Duration,
}

impl HeadPace {
    /// So many may follow each other at once: one at the start, and one after what is sent then.
    const AT_ONCE: usize = 3;
    /// In this time no more than that.
    const SPAN: Duration = Duration::from_secs(90);
    /// When to look again while there is no head to leave.
    const AGAIN: Duration = Duration::from_secs(30);

    /// Leaves the head if it is time; the answer is when it will be.
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

    /// How long to wait before a head is to be left, for one who knows so much; `None` when there is nothing new.
    fn due(&self, known: u64, now: Duration) -> Option<Duration> {
        if self.known == Some(known) {
            return None;
        }
        let [oldest, ..] = self.recent;
        let at = oldest.map_or(Duration::ZERO, |oldest| oldest + Self::SPAN).max(self.not_before);
        Some(at.saturating_sub(now))
    }

    /// Whether a head says anything that the last one did not.
    fn is_news(&self, head: &Head) -> bool {
        self.last.as_ref().is_none_or(|last| Head { unix_ms: last.unix_ms, ..head.clone() } != *last)
    }

    /// This one was left.
    fn left(&mut self, head: Head, known: u64, now: Duration) {
        self.recent.rotate_left(1);
        if let Some(latest) = self.recent.last_mut() {
            *latest = Some(now);
        }
        (self.last, self.known) = (Some(head), Some(known));
    }

    /// It could not be left.
    fn failed(&mut self, now: Duration) {
        self.not_before = now + Self::SPAN / 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_and_then_one_in_a_while() {
        let head = Head {
            author: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            name: None,
            place: None,
            counter: 0,
            digest: None,
            lamport: tempo_clock::Lamport(0),
            seen: Vec::new(),
            life: tempo_message::Life::default(),
            unix_ms: 0,
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
