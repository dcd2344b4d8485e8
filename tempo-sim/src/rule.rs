//! Faults as values: a rule sees what the service is about to do and says what becomes of it.

use std::{ffi::OsStr, fmt, time::Duration};

use bytes::Bytes;

use crate::Rng;

/// Something that a sync service is about to do to a member's folder.
#[derive(Debug, Clone, Copy)]
pub struct Effect<'a> {
    /// The member whose folder it is.
    pub to: usize,
    /// The author's directory.
    pub dir: &'a OsStr,
    /// The file.
    pub name: &'a OsStr,
    /// The content that it shall have; `None` when it shall be removed.
    pub content: Option<&'a Bytes>,
    /// Virtual time since the beginning.
    pub now: Duration,
}

/// What becomes of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It happens.
    Pass,
    /// It is considered again after this time.
    Delay(Duration),
    /// It does not happen now; the service finds the difference the next time it compares everything.
    Drop,
    /// The file is there with only its first bytes, and whole after a while.
    Partial {
        /// So many bytes are there at first.
        bytes: usize,
        /// The rest comes after this time.
        rest_after: Duration,
    },
    /// The name is free for a while before the file is there.
    Absent(Duration),
    /// The file is there, and a copy of it under another name.
    Copied(String),
    /// The file is there, and its content comes after this time: until then it is online only.
    OnlineOnly(Duration),
}

/// A fault, or several. A closure is a rule.
pub trait Rule: Send {
    /// Judges an effect. The generator is the rules' own.
    fn on_effect(&mut self, effect: &Effect<'_>, rng: &mut Rng) -> Verdict;
}

impl<F: FnMut(&Effect<'_>, &mut Rng) -> Verdict + Send> Rule for F {
    fn on_effect(&mut self, effect: &Effect<'_>, rng: &mut Rng) -> Verdict {
        self(effect, rng)
    }
}

/// Rules one after the other: the first that does not let an effect pass decides.
#[derive(Default)]
pub struct Rules {
    rules: Vec<Box<dyn Rule>>,
}

impl Rules {
    /// Adds a rule at the end.
    pub fn add(&mut self, rule: impl Rule + 'static) {
        self.rules.push(Box::new(rule));
    }

    /// Takes all rules away: from here on everything passes.
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
