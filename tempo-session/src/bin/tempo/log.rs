//! `tempo log`: the timeline.

use std::{collections::BTreeSet, path::Path, time::Duration};

use tempo_session::{Digest, Entry, Event, Session, error::RefreshError, status::Attachment};

use crate::{Local, failure::Failure, member, output, progress, stable, unread};

/// How long nothing may arrive from a folder that is being read before the command says that something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(folder: &Path, local: &Local, follow: bool, json: bool) -> Result<(), Failure> {
    let mut session = member::visit(folder, local)?;
    refresh(&session, PATIENCE)?;
    session.flush(PATIENCE_OF_PUBLISHING);
    if follow && session.author().is_some() {
        // Whoever follows for hours must not keep the member from writing in another terminal.
        member::leave(session)?;
        session = Session::observe(folder)?;
        refresh(&session, PATIENCE)?;
    }
    let print = |entry: &Entry, length: usize| print(entry, json, entry.position + 1 < length);
    let status = session.status();
    let mut is_marked = json;
    let shown = each_of_timeline(&session, |entry| {
        // By its time: a newcomer's message may have come before it since the status was asked for.
        if !is_marked && entry.stamp.lamport > status.stable.until {
            is_marked = true;
            eprintln!("{}", stable::mark(&status, entry.position));
        }
        print(entry, 0)
    })?;
    match session.held() {
        0 => {}
        1 => eprintln!("tempo: one more message is here and waits for others; `tempo doctor` says for which"),
        held => eprintln!("tempo: {held} more messages are here and wait for others; `tempo doctor` says for which"),
    }
    unread::tell(&session.status(), json);
    if follow {
        let mut length = shown.len();
        for event in session.events() {
            match event? {
                Event::Message { entry, .. } if !shown.contains(&entry.digest) => {
                    length += 1;
                    print(&entry, length)?;
                }
                Event::Attachment(Attachment::Detached { why } | Attachment::Unreadable { why }) => {
                    eprintln!("tempo: {why}; waiting for it to come back");
                }
                _ => {}
            }
        }
    }
    member::leave(session)?;
    Ok(())
}

/// How long what was kept while the folder was away may take to get there without any of it getting there.
pub(crate) const PATIENCE_OF_PUBLISHING: Duration = Duration::from_secs(10);

/// Reads the folder. One that is away is no failure: what the store has is still worth showing.
pub(crate) fn refresh(session: &Session, patience: Duration) -> Result<(), Failure> {
    match progress::refresh(session, patience) {
        Err(RefreshError::Away(why)) => {
            eprintln!("tempo: {why}; this is what has arrived before");
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Shows the timeline as it is now, and tells what was in it, so that events can be told from it.
fn each_of_timeline(
    session: &Session,
    mut show: impl FnMut(&Entry) -> Result<(), Failure>,
) -> Result<BTreeSet<Digest>, Failure> {
    let mut shown = BTreeSet::new();
    for entry in session.timeline() {
        let entry = entry?;
        show(&entry)?;
        shown.insert(entry.digest);
    }
    Ok(shown)
}

fn print(entry: &Entry, json: bool, is_late: bool) -> Result<(), Failure> {
    if json {
        output::object(&output::for_programs(entry))
    } else if is_late {
        output::line(&format!("{}  (late: belongs to line {})", output::for_people(entry), entry.position + 1))
    } else {
        output::line(&output::for_people(entry))
    }
}
