//! Which parts of an own file have to be put into the folder.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempo_message::{Presence, planted};

/// How a part was put into the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// How often it was put, since it last stayed.
    pub times: u8,
    /// When it was put last, in milliseconds since 1970 by this machine's clock.
    pub last_ms: i64,
}

/// The result of a look at the parts of an own file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The parts to put.
    pub(crate) missing: Vec<usize>,
    /// The number of parts that somebody has removed again after they were put back. A person has to decide.
    pub(crate) unwanted: usize,
    /// Somebody has removed or deselected the place of all parts, so nothing is put there.
    pub(crate) is_deselected: bool,
}

impl Plan {
    /// Decides what to do after a look, and notes what was found. A part that has vanished is put back once, and again
    /// only after it has stayed for a time. Nothing is put where the place of all files was removed.
    pub(crate) fn of(puts: &mut [Put], found: &[Presence], is_deselected: bool, unix_ms: i64, stay: Duration) -> Self {
        let mut plan = Self { is_deselected, ..Self::default() };
        for (at, (put, presence)) in puts.iter_mut().zip(found).enumerate() {
            let is_there = matches!(presence, Presence::Here | Presence::Elsewhere);
            let has_stayed = u128::from(put.last_ms.abs_diff(unix_ms)) >= stay.as_millis();
            match put.times {
                // Putting checks what is there.
                0 => plan.missing.push(at),
                2.. if is_there && has_stayed => put.times = 1,
                _ if is_there => {}
                1 => plan.missing.push(at),
                _ if planted!(PutBackForEver) => plan.missing.push(at),
                _ => plan.unwanted += 1,
            }
        }
        if plan.is_deselected {
            plan.missing.clear();
        }
        plan
    }
}

impl Put {
    /// Notes that the part was put.
    pub(crate) fn note(&mut self, unix_ms: i64) {
        *self = Self { times: self.times.saturating_add(1), last_ms: unix_ms };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;
    const STAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn what_was_never_put_is_put_also_where_it_seems_to_be_there() {
        let mut puts = [Put::default(); 4];
        let found = [Presence::Missing, Presence::Damaged, Presence::Elsewhere, Presence::Here];
        let plan = Plan::of(&mut puts, &found, false, 7, STAY);
        assert_eq!(plan, Plan { missing: vec![0, 1, 2, 3], ..Plan::default() });
    }

    #[test]
    fn what_vanishes_is_put_back_once_in_a_day() {
        let mut puts = [Put::default()];
        let mut look = |presence, at: i64| {
            let plan = Plan::of(&mut puts, &[presence], false, at, STAY);
            plan.missing.iter().for_each(|_| puts[0].note(at));
            (plan.missing.len(), plan.unwanted)
        };
        assert_eq!(look(Presence::Missing, 0), (1, 0));
        assert_eq!(look(Presence::Here, 1), (0, 0));
        assert_eq!(look(Presence::Missing, 2), (1, 0));
        assert_eq!(look(Presence::Here, 3), (0, 0));
        assert_eq!(look(Presence::Missing, 4), (0, 1), "the second time a person decides");
        assert_eq!(look(Presence::Missing, 9 * DAY), (0, 1));
        assert_eq!(look(Presence::Here, 9 * DAY), (0, 0), "it has come back, and stayed");
        assert_eq!(look(Presence::Missing, 9 * DAY + 1), (1, 0));
    }

    #[test]
    fn nothing_is_put_into_a_place_that_was_removed() {
        let mut puts = [Put { times: 1, last_ms: 0 }, Put::default()];
        let plan = Plan::of(&mut puts, &[Presence::Missing; 2], true, 9 * DAY, STAY);
        assert_eq!(plan, Plan { is_deselected: true, ..Plan::default() });
        let plan = Plan::of(&mut puts, &[Presence::Missing; 2], false, 9 * DAY, STAY);
        assert_eq!(plan.missing, [0, 1]);
    }
}
