//! A session in the event loop of a desktop application: each frame handles new events and never waits for
//! them.
//!
//! Two windows of such an application talk until both show the same lines. No setup is needed:
//!
//! ```sh
//! cargo run -p tempo-session --example embed
//! ```

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::{error::Error, path::Path, thread, time::Duration};

use tempo_session::{Event, Session, error::ReadError, status::FolderState};

/// The most lines that a window shows.
const LINES: usize = 50;
/// The most events handled in one frame, so that a long history does not delay the first frames.
const EVENTS: usize = 500;

struct Window {
    session: Session,
    lines: Vec<String>,
    status: String,
}

impl Window {
    fn open(place: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let session = Session::builder(place.join("jam.session")).state_dir(place.join(name)).name(name).open()?;
        Ok(Self { session, lines: Vec::new(), status: String::new() })
    }

    /// Runs sixty times a second.
    fn frame(&mut self) -> Result<(), ReadError> {
        let (mut has_messages, mut has_news) = (false, false);
        for _ in 0..EVENTS {
            let Some(event) = self.session.poll()? else { break };
            has_messages |= matches!(event, Event::Message { .. });
            has_news = true;
        }
        if has_messages {
            // Reads only the lines shown, whether the new messages came last or late.
            let latest: Result<Vec<_>, ReadError> = self.session.timeline().rev().take(LINES).collect();
            let line = |entry: &tempo_session::Entry| {
                let name = entry.name.as_deref().unwrap_or("?");
                format!("{name}: {}", String::from_utf8_lossy(&entry.payload))
            };
            self.lines = latest?.iter().rev().map(line).collect();
        }
        if has_news {
            self.status = self.describe();
        }
        Ok(())
    }

    fn describe(&self) -> String {
        let status = self.session.status();
        let folder = match &status.folder {
            FolderState::Attached => "connected".to_owned(),
            FolderState::Detached { why } | FolderState::Unreadable { why } => format!("working offline: {why}"),
            _ => "looking at the folder".to_owned(),
        };
        let (members, messages) = (status.members.len(), status.messages);
        format!("{folder}, {members} members, {messages} messages, {} waiting for others", status.held)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    std::fs::create_dir(place.path().join("jam.session"))?;
    let mut windows = [Window::open(place.path(), "Ana")?, Window::open(place.path(), "Ben")?];
    let mut frames = 0;
    // Runs until each has typed forty lines and both show the end of all eighty.
    while frames < 40 || windows.iter().any(|window| window.session.timeline().len() < 80) {
        frames += 1;
        for window in &mut windows {
            if frames <= 40 {
                // A person has pressed Enter. Sending waits some milliseconds for the disk, and the first
                // time for a look at the folder. Send frequent, large or early messages from a thread.
                window.session.send(format!("line {frames}"))?;
            }
            window.frame()?;
        }
        // A real application lets its window library wait for the screen here.
        thread::park_timeout(Duration::from_millis(16));
    }
    let [ana, ben] = &mut windows;
    ana.frame()?;
    ben.frame()?;
    ana.lines.iter().for_each(|line| println!("{line}"));
    println!("[{}]", ana.status);
    println!("Both windows show the same {} lines: {}", ana.lines.len(), ana.lines == ben.lines);
    Ok(())
}
