//! Sessions in an async application: events are a stream, and calls that wait for the disk run on a thread
//! pool.
//!
//! Two members in one program ask and answer. No setup is needed:
//!
//! ```sh
//! cargo run -p tempo-session --features stream --example async_events
//! ```

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::{error::Error, path::Path};

use futures_util::StreamExt;
use tempo_session::{Entry, Event, Events, MessageId, Session};
use tokio::task::spawn_blocking;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let place = tempfile::tempdir()?;
    let (ana, ben) = (open(place.path(), "Ana").await?, open(place.path(), "Ben").await?);
    let answering = tokio::spawn(answer(ben.clone()));

    let mut events = ana.events();
    for question in ["Who plays the drums?", "Who brings the amplifier?", "Who drives?"] {
        send(&ana, question.to_owned()).await?;
        // The question comes back like any message, at its position, followed by the answer.
        for _ in 0..2 {
            let entry = next_message(&mut events).await?.ok_or("the session was closed")?;
            println!("{}: {}", entry.name.as_deref().unwrap_or("?"), String::from_utf8_lossy(&entry.payload));
        }
    }
    spawn_blocking(|| ana.close()).await??;
    // Closing a session ends its streams.
    spawn_blocking(|| ben.close()).await??;
    println!("Ben has given {} answers.", answering.await??);
    Ok(())
}

/// Answers every message of others until the session is closed.
async fn answer(session: Session) -> Result<usize, Failure> {
    let (mut events, mut answers) = (session.events(), 0);
    while let Some(entry) = next_message(&mut events).await? {
        if Some(entry.author()) != session.author() {
            answers += 1;
            send(&session, format!("I do. ({answers})")).await?;
        }
    }
    Ok(answers)
}

/// Returns the next message. A stream has no state of its own, so it can be made for each event, and
/// `select!` may drop it.
async fn next_message(events: &mut Events) -> Result<Option<Entry>, Failure> {
    while let Some(event) = events.stream().next().await {
        if let Event::Message { entry, .. } = event? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Sends a text; returns when the message is on the disk.
async fn send(session: &Session, text: String) -> Result<MessageId, Failure> {
    let session = session.clone();
    Ok(spawn_blocking(move || session.send(text)).await??)
}

/// Opens a session, which waits for the disk.
async fn open(place: &Path, name: &'static str) -> Result<Session, Failure> {
    let (folder, state) = (place.join("jam.session"), place.join(name));
    let opened = spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        Ok::<_, Failure>(Session::builder(folder).state_dir(state).name(name).open()?)
    });
    opened.await?
}
