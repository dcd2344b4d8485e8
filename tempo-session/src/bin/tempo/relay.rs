//! `tempo relay`: other members' messages that have vanished from the folder.

use std::{path::Path, time::Duration};

use tempo_message::printable_text;
use tempo_session::{Membership, Session};

use crate::{
    arguments::Local,
    failure::Failure,
    log::{self, PATIENCE_OF_PUBLISHING},
    member, output, who,
};

/// The longest that relaying may take, however much there is.
const PATIENCE: Duration = Duration::from_secs(600);

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

fn relay(session: &Session, name: &str) -> Result<(), Failure> {
    let status = session.status();
    let names = status.names();
    let has_messages = |author| status.members.iter().any(|member| member.author == author && member.here > 0);
    let mut authors = who::called(&status, name);
    // Own messages are published anyway.
    authors.retain(|&author| has_messages(author) && !status.former.contains(&author));
    if authors.is_empty() {
        return Err(Failure::Nobody { who: printable_text(name) });
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
