//! `tempo chat`: lines in, every member's lines out.

use std::{
    collections::BTreeSet,
    env,
    path::Path,
    sync::mpsc::{self, Sender},
    thread,
    time::Duration,
};

use tempo_session::{
    AuthorId, Event, Session,
    error::{RefreshError, SendError},
    printable_text,
    status::FolderState,
    store::StoreError,
};

use crate::{
    arguments::Local,
    failure::Failure,
    member, output, progress,
    seen::Seen,
    send::{close, lines_of_input},
};

/// The most earlier lines shown at the start.
const HISTORY: usize = 20;
/// The time that the start waits for something to arrive from the folder before it shows the
/// content of the store.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest wait for an event before looking for the end of the input.
const A_WHILE: Duration = Duration::from_millis(200);
/// The line that asks which members have seen the own lines.
const ASK: &str = "/seen";
/// The keys that end the input on a terminal.
const END: &str = if cfg!(windows) { "Ctrl-Z and Enter" } else { "Ctrl-D" };

pub(crate) fn run(folder: &Path, local: &Local, name: Option<String>) -> Result<(), Failure> {
    let name = name.or_else(|| env::var("USER").or_else(|_| env::var("USERNAME")).ok().filter(|name| !name.is_empty()));
    let session = member::join(folder, local, name.as_deref())?;
    match progress::refresh(&session, PATIENCE) {
        Ok(()) | Err(RefreshError::TimedOut { .. }) => {}
        Err(RefreshError::Away(why)) => eprintln!("tempo: {why}; what you write is kept until it is back"),
        Err(error) => return Err(error.into()),
    }
    let mut met = greet(&session, folder, name.as_deref())?;
    let (mut shown, mut seen) = (BTreeSet::new(), Seen::new(&session));
    let timeline = session.timeline();
    let old = timeline.len().saturating_sub(HISTORY);
    for entry in timeline {
        let entry = entry?;
        shown.insert(entry.digest);
        seen.note(&session, &entry);
        if entry.position >= old {
            output::line(&output::for_people(&entry))?;
        }
    }
    seen.begin(&session);
    let (asks, asked) = mpsc::channel();
    let typing = type_lines(session.clone(), asks);
    let (mut events, mut length, mut is_away) = (session.events(), shown.len(), false);
    let (mut has_news, mut is_asked) = (false, false);
    loop {
        // Everything that was sent, asked or received before the end of the input is still shown.
        let is_over = typing.is_finished();
        is_asked = is_asked || asked.try_recv().is_ok();
        let patience = if has_news || is_asked { Duration::ZERO } else { A_WHILE };
        let event = events.next_within(patience)?;
        has_news |= event.is_some();
        match event {
            None if has_news => {
                has_news = false;
                seen.tell(&session);
            }
            None if is_asked => {
                is_asked = false;
                seen.show(&session)?;
            }
            None if is_over => break,
            None => {}
            Some(Event::Message { entry, .. }) if !shown.contains(&entry.digest) => {
                length += 1;
                seen.note(&session, &entry);
                // The terminal has already shown what was typed.
                if Some(entry.author()) != session.author() || !output::is_typed() {
                    let late = if entry.position + 1 < length { "  (late)" } else { "" };
                    output::line(&format!("{}{late}", output::for_people(&entry)))?;
                }
            }
            Some(Event::Folder(FolderState::Attached)) => {
                let was_away = std::mem::take(&mut is_away);
                if was_away {
                    eprintln!("* the folder is back");
                }
            }
            Some(Event::Joined { author }) if !met.insert(author) || Some(author) == session.author() => {}
            Some(event) => {
                is_away |= matches!(event, Event::Folder(_));
                tell(&session, &event);
            }
        }
    }
    close(session)?;
    match typing.join() {
        Ok(typed) => typed,
        Err(_) => Err(Failure::No("the thread that reads lines has died".to_owned())),
    }
}

/// Prints which members are here, and returns their authors.
fn greet(session: &Session, folder: &Path, name: Option<&str>) -> Result<BTreeSet<AuthorId>, Failure> {
    let status = session.status();
    let met = status.members.iter().map(|member| member.author).chain(status.author).collect();
    let Some(author) = status.author else { return Ok(met) };
    // While the folder is away, the name may not have been announced yet.
    let name = output::name_or_id(status.name(author).or(name), author);
    let others: Vec<String> = status
        .members
        .iter()
        .filter(|member| member.author != author)
        .map(|member| output::name_or_id(member.name.as_deref(), member.author))
        .collect();
    let with = if others.is_empty() { "no other member yet".to_owned() } else { format!("with {}", others.join(", ")) };
    let folder = output::path(folder);
    output::line(&format!(
        "{folder}: you are {name}, {with}. Type a line and press Enter; {ASK} shows which members have seen yours; end \
         with {END}."
    ))?;
    Ok(met)
}

/// Sends each line until the end of the input, and passes on questions.
fn type_lines(session: Session, asks: Sender<()>) -> thread::JoinHandle<Result<(), Failure>> {
    thread::spawn(move || {
        for line in lines_of_input() {
            match line {
                Ok(line) if line.is_empty() => {}
                // The receiver is gone once the chat has failed.
                Ok(line) if line == ASK.as_bytes() => drop(asks.send(())),
                Ok(line) => match session.send(meant(&line)) {
                    // There may be room again for the next line.
                    Err(error @ SendError::Store(StoreError::Full { .. })) => {
                        eprintln!("tempo: {}", Failure::from(error));
                        eprintln!("       Then type it again: \"{}\"", printable_text(&String::from_utf8_lossy(&line)));
                    }
                    sent => drop(sent?),
                },
                Err(failure @ Failure::LongLine { .. }) => eprintln!("tempo: {failure}"),
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    })
}

/// Returns the text to send: a line that would be the question if it had fewer slashes loses one
/// slash.
fn meant(line: &[u8]) -> &[u8] {
    let more = line.strip_suffix(ASK.as_bytes()).unwrap_or_default();
    match line {
        [_, rest @ ..] if !more.is_empty() && more.iter().all(|&byte| byte == b'/') => rest,
        _ => line,
    }
}

fn tell(session: &Session, event: &Event) {
    let name = |author| output::name_or_id(session.status().name(author), author);
    match event {
        Event::Joined { author } => eprintln!("* {} is here", name(*author)),
        Event::Folder(FolderState::Detached { why } | FolderState::Unreadable { why }) => {
            eprintln!("* {why}; what you write is kept until it is back");
        }
        Event::Unpublished { why } => eprintln!("* your messages are kept here, and are not in the folder yet: {why}"),
        Event::Succeeded { author, former } if Some(*author) != session.author() => {
            eprintln!(
                "* {} continues as a new member, {}, formerly {}",
                name(*author),
                output::short(*author),
                output::short(*former)
            );
        }
        Event::Retired { author, by } if author == by => {
            eprintln!("* {0} has left, so nobody waits for {0}", name(*author));
        }
        Event::Retired { author, by } if Some(*author) == session.author() => {
            eprintln!("* {} has retired you, so nobody waits for you; your next message undoes that", name(*by));
        }
        Event::Retired { author, by } => {
            eprintln!("* {} has retired {1}, so nobody waits for {1}", name(*by), name(*author));
        }
        Event::Returned { author } if Some(*author) != session.author() => {
            eprintln!("* {} has returned", name(*author));
        }
        Event::NewAuthor { author, why, .. } => {
            eprintln!(
                "* {why}; you continue as a new member, {}, and your earlier messages stay",
                output::short(*author)
            );
        }
        Event::Fork { id } => eprintln!(
            "* two devices write as {}: there are two messages with the number {}, and both are shown",
            name(id.author),
            id.counter
        ),
        Event::Rejected { id, why, .. } => eprintln!("* a message of {} was refused: {why}", name(id.author)),
        _ => {}
    }
}
