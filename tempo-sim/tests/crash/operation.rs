//! The operations of a member, and every short sequence of them.

use std::fmt;

/// One operation. Add new ones here and in `Machine::act`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Send a message.
    Send,
    /// Send two messages at once.
    SendAll,
    /// Put the next message of another author into the folder.
    Receive,
    /// Close the session and open it again.
    Reopen,
    /// Reopen the session, and from then on pack its messages as soon as possible.
    Pack,
}

/// The times at which the session may publish and collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// After every operation.
    Resting,
    /// Only after the last operation.
    Hasty,
}

/// A sequence of operations.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) operations: Vec<Operation>,
    pub(crate) pace: Pace,
}

impl Operation {
    pub(crate) const ALL: [Self; 5] = [Self::Send, Self::SendAll, Self::Receive, Self::Reopen, Self::Pack];
}

impl Workload {
    /// Returns every workload of at most `longest` operations, at both paces where that makes a difference.
    pub(crate) fn all(longest: usize) -> Vec<Self> {
        let mut all = Vec::new();
        let mut last = vec![Vec::new()];
        for _ in 0..longest {
            last = last
                .iter()
                .flat_map(|before| Operation::ALL.map(|next| [before.as_slice(), &[next]].concat()))
                .collect();
            for pace in [Pace::Resting, Pace::Hasty] {
                let is_distinct = |operations: &&Vec<Operation>| pace == Pace::Resting || operations.len() > 1;
                let workload = |operations: &Vec<Operation>| Self { operations: operations.clone(), pace };
                all.extend(last.iter().filter(is_distinct).map(workload));
            }
        }
        all
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.pace, self.operations)
    }
}
