//! The trace of a run: a hash of everything and, on request, a record of every step.

use std::time::Duration;

/// A record of everything that happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The seed that reproduces the run.
    pub seed: u64,
    /// The command that reproduces the run.
    pub command: String,
    /// The service that carried the files.
    pub profile: String,
    /// The members' names, by number.
    pub members: Vec<String>,
    /// Every message that was sent, by number.
    pub messages: Vec<Sent>,
    /// The steps, in order of time.
    pub steps: Vec<Step>,
    /// The final timeline, as message numbers.
    pub timeline: Vec<usize>,
    /// The failure, if the run failed.
    pub failure: Option<String>,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The member that sent it.
    pub member: usize,
    /// Its counter.
    pub counter: u64,
    /// Its logical time.
    pub lamport: u64,
    /// Its text.
    pub text: String,
    /// The numbers of its direct causes.
    pub causes: Vec<usize>,
}

/// An event at one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Virtual time since the start of the run.
    pub at: Duration,
    /// The member's number.
    pub member: usize,
    /// The kind of event.
    pub what: What,
}

/// The kind of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The member sent a message, given by its number.
    Send(usize),
    /// The member wrote the file of its own message into its folder, perhaps again.
    Publish(usize),
    /// The service wrote the file of a message into the member's folder.
    Arrive(usize),
    /// The member received a message that must wait for others.
    Hold(usize),
    /// A message entered the member's timeline.
    Deliver {
        /// The message's number.
        message: usize,
        /// The message's position in the timeline.
        position: usize,
    },
    /// The member's machine stopped.
    Crash,
    /// The member's machine restarted.
    Restart,
    /// The service no longer reaches the member.
    Offline,
    /// The service reaches the member again.
    Online,
    /// The member's folder is unmounted, so nothing can be read or published there.
    Unmounted,
    /// The member's folder is mounted again.
    Mounted,
    /// The service made a conflict copy with this name in the member's folder.
    ConflictCopy(String),
    /// Any other fault, described in a few words.
    Fault(String),
}
