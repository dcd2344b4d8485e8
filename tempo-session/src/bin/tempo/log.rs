//! `tempo log`: the timeline.

use std::{collections::BTreeSet, path::Path, time::Duration};

use serde_json::json;
use tempo_session::{Digest, Entry, Event, Session, error::RefreshError, status::FolderState};

use crate::{arguments::Local, failure::Failure, member, output, progress, stable, unread};

/// The time without any arrival after which reading the folder counts as failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(folder: &Path, local: &Local, follow: bool, json: bool) -> Result<(), Failure> {
    let mut session = member::visit(folder, local)?;
    refresh(&session, PATIENCE)?;
    session.flush(PATIENCE_OF_PUBLISHING);
    if follow && session.author().is_some() {
        // A member must be able to write in another terminal while this command runs for hours.
        member::leave(session)?;
        session = Session::observe(folder)?;
        refresh(&session, PATIENCE)?;
    }
    let print = |entry: &Entry, length: usize| print(entry, json, entry.position + 1 < length);
    let status = session.status();
    let mut is_marked = json;
    let shown = each_of_timeline(&session, |entry| {
        // Compare times, not counts: a newcomer's message may have come before the entry since the
        // status was taken.
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
                Event::Folder(FolderState::Detached { why } | FolderState::Unreadable { why }) => {
                    eprintln!("tempo: {why}; waiting for it to come back");
                }
                _ => {}
            }
        }
    }
    member::leave(session)?;
    Ok(())
}

/// The longest wait without progress while messages that waited for the folder are published.
pub(crate) const PATIENCE_OF_PUBLISHING: Duration = Duration::from_secs(10);

/// Reads the folder. A missing folder is not a failure: the content of the store is still worth
/// showing.
pub(crate) fn refresh(session: &Session, patience: Duration) -> Result<(), Failure> {
    match progress::refresh(session, patience) {
        Err(RefreshError::Away(why)) => {
            eprintln!("tempo: {why}; this is what arrived before");
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Shows the present timeline, and returns its digests, so that later events can be told from it.
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
        output::object(&json!(entry))
    } else if is_late {
        output::line(&format!("{}  (late: belongs to line {})", output::for_people(entry), entry.position + 1))
    } else {
        output::line(&output::for_people(entry))
    }
}
