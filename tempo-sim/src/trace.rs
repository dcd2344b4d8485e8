//! What happened in a run: a hash of everything, and, when asked for, the story.

use std::time::Duration;

/// The story of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The seed that repeats it.
    pub seed: u64,
    /// The command that repeats it.
    pub command: String,
    /// The service that carried the files.
    pub profile: String,
    /// The members' names, by number.
    pub members: Vec<String>,
    /// Every message that was sent, by number.
    pub messages: Vec<Sent>,
    /// What happened, in order of time.
    pub steps: Vec<Step>,
    /// The timeline that came out, as numbers of messages.
    pub timeline: Vec<usize>,
    /// How the run failed, if it did.
    pub failure: Option<String>,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Who sent it.
    pub member: usize,
    /// Its counter.
    pub counter: u64,
    /// Its logical time.
    pub lamport: u64,
    /// What it says.
    pub text: String,
    /// The messages that it comes after directly, by number.
    pub causes: Vec<usize>,
}

/// Something that happened at a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Virtual time since the beginning.
    pub at: Duration,
    /// The member.
    pub member: usize,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The member sent a message, by number.
    Send(usize),
    /// The member put the file of its own message into its folder, perhaps again.
    Publish(usize),
    /// The service put the file of a message into the member's folder.
    Arrive(usize),
    /// The member took a message in, and it has to wait for others.
    Hold(usize),
    /// A message entered the member's timeline at this position.
    Deliver {
        /// The message.
        message: usize,
        /// The position.
        position: usize,
    },
    /// The member's machine stopped.
    Crash,
    /// The member's machine started again.
    Restart,
    /// The service does not reach the member any more.
    Offline,
    /// The service reaches the member again.
    Online,
    /// The member's folder is away; nothing can be read or published there.
    Unmounted,
    /// The member's folder is there again.
    Mounted,
    /// The service made a conflict copy, with this name, in the member's folder.
    ConflictCopy(String),
    /// Anything else worth showing: a fault, in a few words.
    Fault(String),
}
