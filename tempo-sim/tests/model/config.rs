//! The bounds of a run, and the defects that can be planted in it.

use crate::message::INSTALLATIONS;

/// The bounds of an exploration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    /// The number of messages that each installation may send. The first ones are members from the start.
    pub(crate) sends: [u8; INSTALLATIONS],
    /// The number of installations that are members from the start.
    pub(crate) members: u8,
    /// The most crashes, of all members together.
    pub(crate) crashes: u8,
    /// The installation that appears late, with a copy of a member's folder.
    pub(crate) joiner: Option<u8>,
    /// The installation that appears as a clone of installation 0.
    pub(crate) clone: Option<u8>,
    /// True if a clone that noticed continues under a new author.
    pub(crate) mints: bool,
    /// The installation that writes wrong lamports.
    pub(crate) liar: Option<u8>,
    /// The installation that may retire an author instead of sending, and that author.
    pub(crate) retires: Option<(u8, u8)>,
    /// The number of installations that write heads, counted from the first. Without heads, no prefixes are reported.
    pub(crate) heads: u8,
    /// True if a message may stay in the store for a while before it is published, even without crashes.
    pub(crate) slow_publish: bool,
    /// True if a file may stay in the folder for a while before it is collected.
    pub(crate) slow_collect: bool,
    pub(crate) defect: Defect,
}

/// A deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    /// A message is accepted before its causes.
    NoCausalHold,
    /// The lamport in a message is trusted.
    ClockBelieved,
    /// A new message is added at the end of the timeline.
    Appended,
    /// A message with a known author and counter is considered known.
    KnownByCounter,
    /// A message is in the folder before it is durable in the store.
    PublishedBeforeCommit,
    /// The commit of a message does not make durable what was received before it.
    CausesNotCommitted,
    /// The next counter is taken from the folder.
    CounterFromFolder,
    /// A message that was committed but not published before a crash is never published.
    NotRepublished,
    /// A message whose name in the folder is taken is skipped.
    OccupiedSkipped,
    /// A message names only its author's previous message.
    ParentsForgotten,
    /// The stable prefix does not wait for one of the members.
    MemberIgnored,
    /// A head claims messages that a crash may take away.
    HeadUndurable,
    /// A head is trusted before the messages that were written before it have arrived.
    HeadBeforeMessages,
    /// The stable prefix contains messages that a crash may take away.
    PrefixUndurable,
    /// The stable prefix is recomputed each time, without a memory of what was reported.
    PrefixForgotten,
    /// An insertion below the stable prefix is not noticed.
    LateJoinUnnoticed,
    /// A message that a retired author wrote before it knew undoes the retirement.
    RetireByArrival,
    /// A retired author that writes again stays retired.
    RetiredForEver,
    /// A retired author is waited for.
    RetiredIsWaitedFor,
}

impl Config {
    /// Returns a configuration of members that send these numbers of messages, on machines that never fail.
    pub(crate) const fn members(name: &'static str, sends: &[u8]) -> Self {
        let mut each = [0; INSTALLATIONS];
        let mut at = 0;
        while at < sends.len() {
            each[at] = sends[at];
            at += 1;
        }
        Self {
            name,
            sends: each,
            #[allow(clippy::cast_possible_truncation, reason = "at most four")]
            members: sends.len() as u8,
            crashes: 0,
            joiner: None,
            clone: None,
            mints: false,
            liar: None,
            retires: None,
            heads: 0,
            slow_publish: false,
            slow_collect: false,
            defect: Defect::None,
        }
    }

    pub(crate) const fn heads(mut self, heads: u8) -> Self {
        self.heads = heads;
        self
    }

    pub(crate) const fn crashes(mut self, crashes: u8) -> Self {
        self.crashes = crashes;
        self
    }

    /// Lets files and messages wait at every step of their way.
    pub(crate) const fn slow(mut self) -> Self {
        self.slow_publish = true;
        self.slow_collect = true;
        self
    }

    /// Adds an installation that is not a member from the start and sends this many messages.
    pub(crate) const fn joiner(mut self, sends: u8) -> Self {
        self.joiner = Some(self.members);
        self.sends[self.members as usize] = sends;
        self
    }

    /// Adds an installation that starts as a copy of installation 0.
    pub(crate) const fn clone_of_first(mut self, sends: u8) -> Self {
        self.clone = Some(3);
        self.sends[3] = sends;
        self.slow_publish = true;
        self
    }

    pub(crate) const fn mints(mut self) -> Self {
        self.mints = true;
        self
    }

    pub(crate) const fn liar(mut self, installation: u8) -> Self {
        self.liar = Some(installation);
        self
    }

    pub(crate) const fn retires(mut self, by: u8, about: u8) -> Self {
        self.retires = Some((by, about));
        self
    }

    pub(crate) const fn with(mut self, defect: Defect) -> Self {
        self.defect = defect;
        self
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// Returns whether stable prefixes are reported.
    pub(crate) fn tells(&self) -> bool {
        self.heads > 0
    }

    pub(crate) fn writes_heads(&self, installation: usize) -> bool {
        installation < usize::from(self.heads)
    }

    /// Returns whether the membership is constant, with each member on one machine, and everybody is waited for.
    pub(crate) fn is_fixed(&self) -> bool {
        self.joiner.is_none() && self.clone.is_none() && self.retires.is_none()
    }
}
