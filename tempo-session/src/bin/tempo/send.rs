//! `tempo send`: one message per text or line.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use tempo_session::{Keep, MAX_PAYLOAD, Session, store::StoreError};

use crate::{arguments::Local, failure::Failure, files, log::PATIENCE_OF_PUBLISHING, member, output, unread};

/// The most lines sent together, if they are available already.
const BATCH: usize = 64;

pub(crate) fn run(folder: &Path, local: &Local, texts: &[String]) -> Result<(), Failure> {
    let session = member::join(folder, local, None)?;
    let sent = if texts.is_empty() { send_lines(&session) } else { send(&session, texts) };
    close(session)?;
    sent
}

/// Sends one message with files.
pub(crate) fn with_files(
    folder: &Path,
    local: &Local,
    texts: &[String],
    paths: &[PathBuf],
    no_copy: bool,
) -> Result<(), Failure> {
    if texts.len() > 1 {
        return Err(Failure::OneMessage);
    }
    let session = member::join(folder, local, None)?;
    let keep = if no_copy { Keep::Original } else { Keep::Copy };
    let sent = paths.iter().map(|path| session.attach(path, keep)).collect::<Result<Vec<_>, _>>();
    let sent = sent.map_err(Failure::from).and_then(|attached| {
        let text = texts.first().map_or("", String::as_str);
        let id = session.send_with(text, &attached)?;
        output::line(&id.to_string())?;
        session.flush(PATIENCE_OF_PUBLISHING);
        files::tell_of_left(files::flush(&session));
        Ok(())
    });
    close(session)?;
    sent
}

/// Sends the lines of the input, as many together as are available.
fn send_lines(session: &Session) -> Result<(), Failure> {
    let lines = lines_of_input();
    while let Ok(line) = lines.recv() {
        let (mut batch, mut failed) = (Vec::new(), None);
        for line in std::iter::once(line).chain(lines.try_iter()) {
            match line {
                Ok(line) => batch.push(line),
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        send(session, &batch)?;
        if let Some(failure) = failed {
            return Err(failure);
        }
    }
    Ok(())
}

/// Ends a session, and reports messages that have not reached the folder.
pub(crate) fn close(session: Session) -> Result<(), Failure> {
    session.flush(PATIENCE_OF_PUBLISHING);
    let status = session.status();
    unread::tell(&status, false);
    let unpublished = match session.close_within(Duration::ZERO) {
        Err(StoreError::Full { .. }) => status.unpublished,
        closed => closed?.unpublished,
    };
    if unpublished > 0 {
        let why = status.publish_error.map(|why| format!(": {why}")).unwrap_or_default();
        let (messages, is, they) = match unpublished {
            1 => ("1 message".to_owned(), "is", "it is safe here and is published"),
            count => (output::counted(count, "message"), "are", "they are safe here and are published"),
        };
        eprintln!("tempo: {messages} {is} not in the folder yet{why}");
        eprintln!("       {they} as soon as that works; tempo status shows the current state");
    }
    Ok(())
}

/// Sends messages together and prints their ids, which confirms that they are durable.
fn send<P: AsRef<[u8]>>(session: &Session, payloads: &[P]) -> Result<(), Failure> {
    for id in session.send_all(payloads)? {
        output::line(&id.to_string())?;
    }
    Ok(())
}

/// Returns the lines of standard input, without their ends. A thread reads ahead, so that lines can
/// be sent together.
pub(crate) fn lines_of_input() -> Receiver<Result<Vec<u8>, Failure>> {
    let (lines, receiver) = mpsc::sync_channel(BATCH);
    thread::spawn(move || {
        let mut input = BufReader::new(io::stdin());
        let mut number = 0_u64;
        loop {
            number += 1;
            let Some(line) = next_line(&mut input, number).transpose() else { break };
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Reads one line. A line that is too long is discarded.
fn next_line(input: &mut impl BufRead, number: u64) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_PAYLOAD).unwrap_or(u64::MAX) + 2;
    if input.take(limit).read_until(b'\n', &mut line).map_err(Failure::Input)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    } else if u64::try_from(line.len()) == Ok(limit) {
        input.skip_until(b'\n').map_err(Failure::Input)?;
        line.push(0);
    }
    if line.len() > MAX_PAYLOAD { Err(Failure::LongLine { number }) } else { Ok(Some(line)) }
}
