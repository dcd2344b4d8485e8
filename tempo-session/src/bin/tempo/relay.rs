//! `tempo relay`: other members' messages that have vanished from the folder.

use std::{path::Path, time::Duration};

use tempo_message::printable_text;
use tempo_session::{AuthorId, Membership, Session, Status};

use crate::{
    Local,
    failure::Failure,
    log::{self, PATIENCE_OF_PUBLISHING},
    member, output,
};

/// The longest that relaying may take, however much there is.
const PATIENCE: Duration = Duration::from_secs(600);
/// The shortest beginning of an author that identifies it, in characters.
const BEGINNING: usize = 4;

pub(crate) fn run(folder: &Path, local: &Local, who: &str) -> Result<(), Failure> {
    if member::builder(folder, local).membership()? != Membership::Member {
        return Err(Failure::NotAMember);
    }
    let session = member::join(folder, local, None)?;
    log::refresh(&session, PATIENCE)?;
    session.flush(PATIENCE_OF_PUBLISHING);
    let told = relay(&session, who);
    session.close()?;
    told
}

fn relay(session: &Session, who: &str) -> Result<(), Failure> {
    let status = session.status();
    let names = status.names();
    let authors = called(&status, who);
    if authors.is_empty() {
        return Err(Failure::Nobody { who: printable_text(who) });
    }
    for author in authors {
        let relayed = session.relay(author, PATIENCE)?;
        let name = names.of(author);
        match relayed.messages {
            0 => output::line(&format!("every message of {name} that you have is in the folder"))?,
            count => output::line(&format!(
                "put back {} of {name} that the folder no longer had; you now keep {} there",
                output::counted(usize::try_from(count).unwrap_or(usize::MAX), "message"),
                if count == 1 { "it" } else { "them" },
            ))?,
        }
    }
    Ok(())
}

/// Returns the other members with messages here that have this name, or whose author begins with
/// it.
fn called(status: &Status, who: &str) -> Vec<AuthorId> {
    let names = status.names();
    let is_me = |author: AuthorId| Some(author) == status.author || status.former.contains(&author);
    let others = status.members.iter().filter(|member| !is_me(member.author) && member.messages > 0);
    let lower = who.to_lowercase();
    let is_called = |name: Option<&str>| name.is_some_and(|name| name.to_lowercase() == lower);
    let begins = |author: AuthorId| lower.len() >= BEGINNING && author.to_string().starts_with(&lower);
    let called = others.filter(|member| {
        is_called(member.name.as_deref()) || is_called(names.get(member.author)) || begins(member.author)
    });
    called.map(|member| member.author).collect()
}
