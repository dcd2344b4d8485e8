//! The smallest chat: sends the lines you type and prints everyone's lines.
//!
//! Two terminals talk to each other. Only two members on one machine need `--state`:
//!
//! ```sh
//! mkdir /tmp/jam.session
//! cargo run -p tempo-session --example chat -- /tmp/jam.session Ana --state /tmp/ana
//! cargo run -p tempo-session --example chat -- /tmp/jam.session Ben --state /tmp/ben
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::{env, error::Error, io, process::ExitCode, thread};

use tempo_session::{Event, Placed, Session, printable_text};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    if let Err(error) = chat() {
        eprintln!("chat: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn chat() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, name, state) = match arguments[..] {
        [folder, name] => (folder, name, None),
        [folder, name, "--state", state] => (folder, name, Some(state)),
        _ => return Err("usage: chat FOLDER NAME [--state DIR]".into()),
    };
    let mut builder = Session::builder(folder).name(name);
    if let Some(state) = state {
        builder = builder.state_dir(state);
    }
    let session = builder.open()?;

    let typing = thread::spawn({
        let session = session.clone();
        move || {
            let typed = send_lines(&session);
            // Ends the loop over events below, and with it the program.
            typed.and(session.close().map_err(Into::into))
        }
    });
    // Earlier messages come first, then new ones.
    for event in session.events() {
        if let Event::Message { entry, placed } = event? {
            let name = entry.name.as_deref().unwrap_or("unknown");
            let text = String::from_utf8_lossy(&entry.payload);
            let late = if placed == Placed::Last { "" } else { " (late, belongs further up)" };
            println!("{}: {}{late}", printable_text(name), printable_text(&text));
        }
    }
    let closed = typing.join().map_err(|_| "the thread that reads lines panicked")??;
    if closed.unpublished > 0 {
        eprintln!("{} messages will be published when the session is opened again", closed.unpublished);
    }
    Ok(())
}

fn send_lines(session: &Session) -> Result<(), Failure> {
    for line in io::stdin().lines() {
        session.send(line?)?;
    }
    Ok(())
}
