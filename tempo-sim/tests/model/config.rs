//! What a run may contain, and the defects that can be planted in it.

use crate::message::INSTALLATIONS;

/// The bounds of an exploration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    /// How many messages each installation may send. The first ones are members from the start.
    pub(crate) sends: [u8; INSTALLATIONS],
    /// How many installations are members from the start.
    pub(crate) members: u8,
    /// How many crashes there may be, of anybody.
    pub(crate) crashes: u8,
    /// The installation that appears late, with a copy of somebody's folder.
    pub(crate) joiner: Option<u8>,
    /// The installation that appears as a clone of installation 0.
    pub(crate) clone: Option<u8>,
    /// Whether a clone that noticed goes on under a new author.
    pub(crate) mints: bool,
    /// The installation that writes wrong lamports.
    pub(crate) liar: Option<u8>,
    /// So many installations write heads, the first ones. Without any, no prefixes are told either.
    pub(crate) heads: u8,
    /// Whether a message lies in the store for a while before it is published, even if nobody may crash.
    pub(crate) slow_publish: bool,
    /// Whether a file lies in the folder for a while before it is collected.
    pub(crate) slow_collect: bool,
    pub(crate) defect: Defect,
}

/// One deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    /// A message is accepted before its causes.
    NoCausalHold,
    /// Whatever a message says of its lamport is believed.
    ClockBelieved,
    /// A new message goes to the end of the timeline.
    Appended,
    /// A message with a known author and counter is taken for known.
    KnownByCounter,
    /// A message is in the folder before it is durable in the store.
    PublishedBeforeCommit,
    /// The commit of a message leaves what was received before it undurable.
    CausesNotCommitted,
    /// The next counter is found in the folder.
    CounterFromFolder,
    /// What was committed and not published when the crash came is not published any more.
    NotRepublished,
    /// A message whose name in the folder is taken is passed over.
    OccupiedSkipped,
    /// A message names its author's previous message only.
    ParentsForgotten,
    /// The stable prefix does not wait for one of the members.
    MemberIgnored,
    /// A head claims what a crash may take away.
    HeadUndurable,
    /// A head is believed before the messages that were written before it are here.
    HeadBeforeMessages,
    /// The stable prefix contains what a crash may take away.
    PrefixUndurable,
    /// The stable prefix is computed anew each time, without a memory of what was told.
    PrefixForgotten,
    /// An insertion below the stable prefix is not noticed.
    LateJoinUnnoticed,
}

impl Config {
    /// Members that send so many messages each, on machines that never fail.
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

    /// Files and messages lie about for a while at every step of their way.
    pub(crate) const fn slow(mut self) -> Self {
        self.slow_publish = true;
        self.slow_collect = true;
        self
    }

    /// One more installation, not a member from the start, that sends so many messages.
    pub(crate) const fn joiner(mut self, sends: u8) -> Self {
        self.joiner = Some(self.members);
        self.sends[self.members as usize] = sends;
        self
    }

    /// One more installation that begins as a copy of installation 0.
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

    pub(crate) const fn with(mut self, defect: Defect) -> Self {
        self.defect = defect;
        self
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// Whether stable prefixes are told.
    pub(crate) fn tells(&self) -> bool {
        self.heads > 0
    }

    pub(crate) fn writes_heads(&self, installation: usize) -> bool {
        installation < usize::from(self.heads)
    }

    /// Whether the members are the same from start to end, each on one machine.
    pub(crate) fn is_fixed(&self) -> bool {
        self.joiner.is_none() && self.clone.is_none()
    }
}
