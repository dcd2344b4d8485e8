//! A member that goes on as a chat, to hear what others say as its user would.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::group::Group;
use crate::process::Running;

/// The second member, while it chats.
pub(super) struct Listener {
    chat: Running,
    lines: Receiver<String>,
}

/// How long a chat may take to end.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long everybody talks when it has ended.
const AFTERWARDS: Duration = Duration::from_secs(2);

impl Listener {
    pub(super) fn start(group: &mut Group) -> Result<Self, String> {
        let reader = group.member(1)?;
        reader.close()?;
        let mut chat = reader.command(&["chat"]);
        let mut chat = Running::start(chat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let output = chat.child.stdout.take().ok_or("no output")?;
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let heard = BufReader::new(output).lines().map_while(Result::ok);
            let told = heard.map(|line| tell.send(line));
            told.take_while(Result::is_ok).count()
        });
        Ok(Self { chat, lines })
    }

    /// The lines that it has shown since it was asked last.
    pub(super) fn heard(&self) -> impl Iterator<Item = String> {
        self.lines.try_iter()
    }

    /// Ends it as a user would; the member goes on like the others.
    pub(super) fn end(mut self, group: &mut Group) -> Result<(), String> {
        drop(self.chat.child.stdin.take());
        self.chat.wait(PATIENCE)?;
        group.member(1)?.start()?;
        group.talk(AFTERWARDS)
    }
}
