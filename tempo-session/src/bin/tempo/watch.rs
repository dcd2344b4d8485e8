//! `tempo watch`: what happens in a session, as it happens.

use std::path::Path;

use serde_json::json;
use tempo_session::{
    Event, Session, Status, printable_text,
    status::{FolderState, Names},
};

use crate::{arguments::Local, failure::Failure, output};

pub(crate) fn run(folder: &Path, local: &Local, json: bool) -> Result<(), Failure> {
    // A member must be able to write in another terminal while this command runs for hours.
    let session = crate::member::builder(folder, local).observe()?;
    for event in session.events() {
        let event = event?;
        if json {
            output::object(&json!(event))?;
        } else if let Some(line) = for_people(&event, &session) {
            output::line(&line)?;
        }
    }
    Ok(())
}

/// Returns a line, or nothing for events that only programs need.
fn for_people(event: &Event, session: &Session) -> Option<String> {
    if let Event::Message { entry, placed } = event {
        let late = match placed {
            tempo_session::Placed::Last => "",
            _ => "  (late)",
        };
        return Some(format!("{}{late}", output::for_people(entry)));
    }
    let status = session.status();
    Some(format!("* {}", sentence(event, &status, &status.names())?))
}

fn sentence(event: &Event, status: &Status, names: &Names) -> Option<String> {
    Some(match event {
        Event::Stable { messages } => {
            format!("{messages} of {} keep their places", output::counted(status.messages, "message"))
        }
        Event::Held { id } => format!("{} #{} waits for others", names.of(id.author), id.counter),
        Event::Released { id } => format!("{} #{} waits no longer", names.of(id.author), id.counter),
        Event::GapOpened { author, missing } => {
            let missing = output::counted(usize::try_from(*missing).unwrap_or(usize::MAX), "message");
            format!("{missing} of {} missing", names.of(*author))
        }
        Event::GapClosed { author } => format!("no message of {} is missing any more", names.of(*author)),
        Event::Silent { author } => format!("{} is silent and not waited for", names.of(*author)),
        Event::Receipt { author } => format!("{} has reported what it has", names.of(*author)),
        Event::Joined { author } => format!("{} has joined", names.of(*author)),
        Event::Renamed { author, name } => {
            format!("{} is called {}", output::short(*author), printable_text(name))
        }
        Event::Fork { id } => format!("{} wrote two messages with the number {}", names.of(id.author), id.counter),
        Event::Rejected { id, why, .. } => format!("{} #{} was refused: {why}", names.of(id.author), id.counter),
        Event::Succeeded { author, former } => {
            format!("{} continues {}", names.of(*author), output::short(*former))
        }
        Event::Retired { author, by } if author == by => format!("{} has left", names.of(*author)),
        Event::Retired { author, by } => format!("{} was retired by {}", names.of(*author), names.of(*by)),
        Event::Returned { author } => format!("{} has come back", names.of(*author)),
        Event::FileReleased { author, id } => {
            let id: String = id.to_string().chars().take(8).collect();
            format!("{} needs the file {id} no longer", names.of(*author))
        }
        Event::Foreign(it) => format!("{}: {}", it.place, printable_text(&it.reason.to_string())),
        Event::Folder(state @ FolderState::Attached) => state.to_string(),
        Event::Folder(state) => printable_text(&state.to_string()),
        Event::Missed => "some of what happened is not listed here; tempo status has it".to_owned(),
        _ => return None,
    })
}
