//! `tempo files`, `tempo get` and `tempo release`: the files that messages name.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use tempo_session::{
    Attachment, AttachmentId, AuthorId, Membership, Session,
    components::{Environment, SystemEnvironment},
    error::ExportError,
    printable_text,
    status::{FileStatus, Names, Place, Sending},
};

use crate::{
    arguments::Local,
    failure::Failure,
    log::{self, PATIENCE_OF_PUBLISHING},
    member, output,
    progress::Bar,
};

/// A file with what the first message that names it says of it.
struct Named {
    status: FileStatus,
    attachment: Option<Attachment>,
    author: Option<AuthorId>,
}

pub(crate) fn list(folder: &Path, local: &Local, json: bool) -> Result<(), Failure> {
    let session = member::visit(folder, local)?;
    log::refresh(&session, log::PATIENCE)?;
    let listed = files(&session).and_then(|files| {
        let status = session.status();
        if json {
            let own: Vec<Value> = files.iter().map(for_programs).collect();
            output::object(&json!({ "files": own }))
        } else if files.is_empty() {
            output::line("no message names a file")
        } else {
            let names = status.names();
            files.iter().try_for_each(|file| output::line(&for_people(file, &names)))
        }
    });
    member::leave(session)?;
    listed
}

pub(crate) fn get(folder: &Path, local: &Local, what: &str, to: &Path) -> Result<(), Failure> {
    let session = member::visit(folder, local)?;
    log::refresh(&session, log::PATIENCE)?;
    let got = only(&session, what).and_then(|file| write(&session, &file, to));
    member::leave(session)?;
    output::line(&output::path(&got?))
}

pub(crate) fn release(folder: &Path, local: &Local, what: &[String]) -> Result<(), Failure> {
    if member::builder(folder, local).membership()? != Membership::Member {
        return Err(Failure::NotAMember);
    }
    let session = member::join(folder, local, None)?;
    log::refresh(&session, log::PATIENCE)?;
    let released = what.iter().map(|what| only(&session, what)).collect::<Result<Vec<_>, _>>().and_then(|files| {
        let ids: Vec<AttachmentId> = files.iter().map(|file| file.status.id).collect();
        session.release(&ids)?;
        Ok(files)
    });
    let unpublished = session.flush(PATIENCE_OF_PUBLISHING);
    session.close()?;
    for file in released? {
        let name = name_of(&file);
        output::line(&format!(
            "{name} is released: a week after everybody has heard of it, it is removed from the folder"
        ))?;
    }
    if unpublished > 0 {
        eprintln!("tempo: the others learn of it once it is in the folder; it is safe in your store until then");
    }
    Ok(())
}

fn files(session: &Session) -> Result<Vec<Named>, Failure> {
    let files = session.files()?.into_iter().map(|status| {
        let author = status.named_by.first().map(|message| message.author);
        Ok(Named { attachment: session.attachment(status.id)?, author, status })
    });
    files.collect()
}

/// Returns the only file with this name, or whose id begins so.
fn only(session: &Session, what: &str) -> Result<Named, Failure> {
    const LEAST: usize = 4;
    let mut files = files(session)?;
    let is_named = |file: &Named| file.attachment.as_ref().is_some_and(|attachment| attachment.name == what);
    let begins = |file: &Named| what.len() >= LEAST && file.status.id.to_string().starts_with(&what.to_lowercase());
    if files.iter().any(is_named) {
        files.retain(is_named);
    } else {
        files.retain(begins);
    }
    match (files.pop(), files.is_empty()) {
        (Some(file), true) => Ok(file),
        (None, _) => Err(Failure::NoFile { what: printable_text(what) }),
        (Some(file), false) => {
            files.push(file);
            let several = files.iter().map(|file| format!("{} ({})", short(file.status.id), name_of(file)));
            Err(Failure::SeveralFiles { what: printable_text(what), several: output::listed(several) })
        }
    }
}

/// Writes a file into a directory under a free name, and returns its path. Waits as long as parts arrive.
fn write(session: &Session, file: &Named, to: &Path) -> Result<PathBuf, Failure> {
    let name = file.attachment.as_ref().map_or_else(|| short(file.status.id), Attachment::file_name);
    let (clock, mut bar) = (SystemEnvironment::default(), Bar::new());
    let (mut most, mut since, mut number) = (0, clock.now(), 1_u32);
    loop {
        let target = to.join(numbered(&name, number));
        match session.export(file.status.id, &target) {
            Ok(()) => return Ok(target),
            Err(ExportError::Exists { .. }) if number < u32::MAX => number += 1,
            Err(error @ ExportError::Incomplete { have, of, .. }) => {
                if have > most {
                    (most, since) = (have, clock.now());
                }
                if clock.now().saturating_sub(since) > PATIENCE_OF_PUBLISHING {
                    return Err(error.into());
                }
                bar.show("getting", have, of);
                wait_for_parts(session, file.status.id, have);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until more parts are there, but not for long.
#[allow(clippy::disallowed_methods, reason = "nobody tells when a part arrives")]
fn wait_for_parts(session: &Session, id: AttachmentId, have: usize) {
    const PAUSE: Duration = Duration::from_millis(200);
    for _ in 0..10 {
        std::thread::sleep(PAUSE);
        let now = session.file(id).ok().flatten().map(|file| file.place);
        if !matches!(now, Some(Place::Missing { have: now, .. }) if now <= have) {
            return;
        }
    }
}

/// Returns "take (2).wav" for the second try.
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
        _ if number == 1 => name.to_owned(),
        Some((stem, extension)) => format!("{stem} ({number}).{extension}"),
        None => format!("{name} ({number})"),
    }
}

fn name_of(file: &Named) -> String {
    file.attachment.as_ref().map_or_else(|| short(file.status.id), |attachment| printable_text(&attachment.name))
}

fn short(id: AttachmentId) -> String {
    id.to_string().chars().take(8).collect()
}

fn for_people(file: &Named, names: &Names) -> String {
    let FileStatus { id, length, place, sending, released_by, error, .. } = &file.status;
    let of = file.author.map_or_else(|| "attached by you".to_owned(), |author| format!("from {}", names.of(author)));
    let place = match place {
        Place::Missing { have, of } => format!("{have} of {of} parts are in the folder"),
        Place::Elsewhere => "online only".to_owned(),
        Place::Here => "here".to_owned(),
        Place::Kept => "kept here".to_owned(),
        _ => String::new(),
    };
    let sending = match sending {
        Some(Sending::Attached) => "no message of yours names it".to_owned(),
        Some(Sending::Publishing { done, of }) => format!("{done} of {of} parts are in the folder"),
        Some(Sending::Changed) => "the original has changed, so the rest is not sent".to_owned(),
        Some(Sending::Unwanted { parts }) => {
            format!(
                "somebody has removed {} twice; tempo files --put-back puts them back",
                output::counted(*parts, "part")
            )
        }
        Some(Sending::Deselected) => {
            "the folder's directory of your files was removed or deselected; tempo files --put-back makes it again"
                .to_owned()
        }
        Some(Sending::Published) => "in the folder".to_owned(),
        _ => String::new(),
    };
    let released = if released_by.is_empty() { "" } else { "released" };
    let error = error.as_ref().map(|error| printable_text(error)).unwrap_or_default();
    let said = [sending, place, released.to_owned(), error];
    let said: Vec<&str> = said.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    format!("{}  {:>9}  {}, {of}: {}", short(*id), output::size(*length), name_of(file), said.join("; "))
}

fn for_programs(file: &Named) -> Value {
    let attachment = file.attachment.as_ref();
    let named =
        [("name", json!(attachment.map(|it| &it.name))), ("media_type", json!(attachment.map(|it| &it.media_type)))];
    output::with(json!(file.status), named)
}

/// Puts back what somebody has removed of an own file.
pub(crate) fn put_back(folder: &Path, local: &Local, what: &str) -> Result<(), Failure> {
    if member::builder(folder, local).membership()? != Membership::Member {
        return Err(Failure::NotAMember);
    }
    let session = member::join(folder, local, None)?;
    log::refresh(&session, log::PATIENCE)?;
    let put = only(&session, what).and_then(|file| Ok(session.put_back(file.status.id)?));
    let left = if put.is_ok() { flush(&session) } else { 0 };
    session.close()?;
    put?;
    tell_of_left(left);
    Ok(())
}

/// Waits until own files are in the folder, and shows the progress. Returns the number of parts that are not.
pub(crate) fn flush(session: &Session) -> usize {
    const A_WHILE: Duration = Duration::from_millis(500);
    let (mut bar, mut of) = (Bar::new(), 0);
    let (clock, mut since, mut before) = (SystemEnvironment::default(), Duration::ZERO, usize::MAX);
    loop {
        let left = session.flush_files(A_WHILE);
        of = of.max(left);
        if left < before {
            (before, since) = (left, clock.now());
        }
        if left == 0 || session.is_stuck() || clock.now().saturating_sub(since) > PATIENCE_OF_PUBLISHING * 6 {
            return left;
        }
        bar.show("sending", of - left, of);
    }
}

pub(crate) fn tell_of_left(left: usize) {
    if left > 0 {
        let parts = output::counted(left, "part");
        eprintln!(
            "tempo: {parts} of your files are not in the folder yet; tempo files says why; they follow while the session is open"
        );
    }
}
