//! What a member may do, and every short sequence of it.

use std::fmt;

/// One operation. What is new joins here, and in `Machine::act`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A message is sent.
    Send,
    /// Two messages are sent at once.
    SendAll,
    /// The next message of another author lies in the folder.
    Receive,
    /// The session is closed and opened again.
    Reopen,
    /// The same, and from then on its messages are packed as soon as that is possible.
    Pack,
}

/// When the session gets time to publish and collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// After every operation.
    Resting,
    /// After the last one only.
    Hasty,
}

/// Some operations, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) operations: Vec<Operation>,
    pub(crate) pace: Pace,
}

impl Operation {
    pub(crate) const ALL: [Self; 5] = [Self::Send, Self::SendAll, Self::Receive, Self::Reopen, Self::Pack];
}

impl Workload {
    /// Every workload of at most so many operations, in either pace where that makes a difference.
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
