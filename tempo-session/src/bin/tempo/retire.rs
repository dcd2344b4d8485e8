//! `tempo retire` and `tempo leave`: members that are not waited for any more.

use std::path::Path;

use tempo_session::{Membership, Session};

use crate::{
    arguments::Local,
    failure::Failure,
    log::{self, PATIENCE_OF_PUBLISHING},
    member, output, who,
};

pub(crate) fn retire(folder: &Path, local: &Local, who: &str) -> Result<(), Failure> {
    say(folder, local, |session| {
        let status = session.status();
        let author = who::only(&status, who)?;
        let name = status.names().of(author);
        session.retire(author)?;
        Ok(format!("{name} is retired: nobody waits for {name} any more, until {name} writes again"))
    })
}

pub(crate) fn leave(folder: &Path, local: &Local) -> Result<(), Failure> {
    say(folder, local, |session| {
        session.leave()?;
        let messages = "your messages stay, and your next one brings you back";
        Ok(format!("you have left: nobody waits for you any more; {messages}"))
    })
}

/// Leaves, and removes the local state. Messages that are not in the folder are only lost if that is wanted.
pub(crate) fn leave_for_good(folder: &Path, local: &Local, lose: bool) -> Result<(), Failure> {
    let known = member::builder(folder, local).known()?.ok_or(Failure::NotAMember)?;
    let unpublished = leave_and_flush(folder, local);
    match unpublished {
        Ok(0) => {}
        Ok(unpublished) if !lose => return Err(Failure::WouldLose { unpublished }),
        // A broken store is a reason to remove it.
        Err(failure) if !lose => return Err(failure),
        Ok(_) | Err(_) => eprintln!("tempo: the others have not learned that you leave; tempo retire tells them"),
    }
    let (bytes, author) = (output::size(known.bytes), known.author);
    known.delete()?;
    let them = "your messages in the folder stay; if you open it again, you are a new member";
    output::line(&format!("you have left as {}; {bytes} were removed from this machine; {them}", output::short(author)))
}

/// Says that the member leaves. Returns the number of messages that are not in the folder then.
fn leave_and_flush(folder: &Path, local: &Local) -> Result<usize, Failure> {
    let session = member::join(folder, local, None)?;
    log::refresh(&session, log::PATIENCE)?;
    let left = session.leave();
    let unpublished = session.flush(PATIENCE_OF_PUBLISHING);
    session.close()?;
    left?;
    Ok(unpublished)
}

/// Opens the session, does something there, and prints what it was once that is in the folder.
fn say(folder: &Path, local: &Local, what: impl FnOnce(&Session) -> Result<String, Failure>) -> Result<(), Failure> {
    if member::builder(folder, local).membership()? != Membership::Member {
        return Err(Failure::NotAMember);
    }
    let session = member::join(folder, local, None)?;
    // What the other members have said by now belongs to the past of this word.
    log::refresh(&session, log::PATIENCE)?;
    let said = what(&session);
    let unpublished = session.flush(PATIENCE_OF_PUBLISHING);
    session.close()?;
    output::line(&said?)?;
    if unpublished > 0 {
        eprintln!("tempo: the others learn of it once it is in the folder; it is safe in your store until then");
    }
    Ok(())
}
