//! Faults as values: a rule sees what the service is about to do and decides what happens.

use std::{ffi::OsStr, fmt, time::Duration};

use bytes::Bytes;

use crate::Rng;

/// A change that a sync service is about to make in a member's folder.
#[derive(Debug, Clone, Copy)]
pub struct Effect<'a> {
    /// The member that owns the folder.
    pub to: usize,
    /// The name of the author's directory.
    pub dir: &'a OsStr,
    /// The name of the file.
    pub name: &'a OsStr,
    /// The file's new content, or `None` if the service removes the file.
    pub content: Option<&'a Bytes>,
    /// Virtual time since the start of the run.
    pub now: Duration,
}

/// A rule's decision about an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The service makes the change.
    Pass,
    /// The service considers the change again after this time.
    Delay(Duration),
    /// The service skips the change. It notices the difference when it next compares everything.
    Drop,
    /// The file appears with only its first bytes and becomes whole later.
    Partial {
        /// The number of bytes that appear at first.
        bytes: usize,
        /// The time until the rest arrives.
        rest_after: Duration,
    },
    /// The name is absent for this time before the file appears.
    Absent(Duration),
    /// The file appears together with a copy under this name.
    Copied(String),
    /// The file appears without its content and stays online-only for this time.
    OnlineOnly(Duration),
}

/// One or more faults. A closure is a rule.
pub trait Rule: Send {
    /// Judges an effect. The generator `rng` serves the rules alone.
    fn on_effect(&mut self, effect: &Effect<'_>, rng: &mut Rng) -> Verdict;
}

impl<F: FnMut(&Effect<'_>, &mut Rng) -> Verdict + Send> Rule for F {
    fn on_effect(&mut self, effect: &Effect<'_>, rng: &mut Rng) -> Verdict {
        self(effect, rng)
    }
}

/// A list of rules, asked in order. The first verdict other than [`Verdict::Pass`] decides.
#[derive(Default)]
pub struct Rules {
    rules: Vec<Box<dyn Rule>>,
}

impl Rules {
    /// Adds a rule at the end of the list.
    pub fn add(&mut self, rule: impl Rule + 'static) {
        self.rules.push(Box::new(rule));
    }

    /// Removes all rules, so that every effect passes.
    pub fn clear(&mut self) {
        self.rules.clear();
    }
}

impl Rule for Rules {
    fn on_effect(&mut self, effect: &Effect<'_>, rng: &mut Rng) -> Verdict {
        let verdicts = self.rules.iter_mut().map(|rule| rule.on_effect(effect, rng));
        verdicts.into_iter().find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules", self.rules.len())
    }
}
