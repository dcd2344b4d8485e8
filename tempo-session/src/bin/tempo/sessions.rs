//! `tempo sessions`: the sessions that this machine has local state for.

use serde_json::json;
use tempo_session::{KnownSession, Session, error::OpenError};

use crate::{arguments::Local, failure::Failure, member, output};

pub(crate) fn run(local: &Local, json: bool) -> Result<(), Failure> {
    let known = match &local.state {
        Some(state) => Session::known_in(state),
        None => Session::known(member::APPLICATION),
    };
    let known = known.map_err(OpenError::from)?;
    if json {
        return output::object(&json!({ "sessions": known }));
    }
    if known.is_empty() {
        return output::line("you are a member of no session here");
    }
    output::line(&format!("{:<10} {:>10}  {:<16}  folder", "member", "size", "last used"))?;
    known.iter().try_for_each(|session| output::line(&for_people(session)))
}

fn for_people(session: &KnownSession) -> String {
    let folder = session.folder.as_ref().map_or_else(
        || "(never opened)".to_owned(),
        |folder| {
            let is_away = if folder.is_dir() { "" } else { "  (not there)" };
            format!("{}{is_away}", output::path(folder))
        },
    );
    let used = session.used_ms.map_or_else(|| "-".to_owned(), output::time);
    format!("{:<10} {:>10}  {used:<16}  {folder}", output::short(session.author), output::size(session.bytes))
}
