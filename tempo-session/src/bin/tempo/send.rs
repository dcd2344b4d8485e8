//! `tempo send`: one message per text or line.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::mpsc::{self, Receiver},
    thread,
};

use tempo_session::{MAX_PAYLOAD, Session};

use crate::{failure::Failure, member, output};

/// Lines that are there already are sent together, up to this many at a time.
const BATCH: usize = 256;

pub(crate) fn run(folder: &Path, state: Option<&Path>, texts: &[String]) -> Result<(), Failure> {
    let session = member::join(folder, state, None)?;
    if texts.is_empty() {
        let lines = lines_of_input();
        while let Ok(line) = lines.recv() {
            let mut batch = vec![line];
            batch.extend(lines.try_iter().take(BATCH - 1));
            send(&session, &batch.into_iter().collect::<io::Result<Vec<_>>>().map_err(Failure::Input)?)?;
        }
    } else {
        send(&session, texts)?;
    }
    close(session)
}

/// Ends a session and says when something has not reached the folder.
pub(crate) fn close(session: Session) -> Result<(), Failure> {
    let (status, folder) = (session.status(), session.clone());
    let closed = session.close()?;
    if closed.unpublished > 0 {
        let why = folder.status().publish_error.or(status.publish_error);
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        eprintln!(
            "tempo: {} messages are safe here and not in the folder yet{why}; they go out the next time",
            closed.unpublished
        );
    }
    Ok(())
}

/// Sends messages together and prints their ids, which says that they can no longer be lost.
fn send<P: AsRef<[u8]>>(session: &Session, payloads: &[P]) -> Result<(), Failure> {
    for id in session.send_all(payloads)? {
        output::line(&id.to_string())?;
    }
    Ok(())
}

/// The lines of the standard input, without their ends. A thread reads ahead, so that lines can be sent together.
pub(crate) fn lines_of_input() -> Receiver<io::Result<Vec<u8>>> {
    let (lines, receiver) = mpsc::sync_channel(BATCH);
    thread::spawn(move || {
        let mut input = BufReader::new(io::stdin());
        while let Some(line) = next_line(&mut input).transpose() {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// One line; a line too long to be sent is read no further than that shows.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_PAYLOAD).unwrap_or(u64::MAX) + 2;
    if input.take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    Ok(Some(line))
}
