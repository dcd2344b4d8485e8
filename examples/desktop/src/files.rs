//! Commands: the files of a session.

use std::{fs, path::Path};

use tauri::{Manager, State, ipc::Response};
use tempo_session::{
    Attachment, AttachmentId, Session,
    error::{ErrorKind, ExportError},
};

use crate::{ask::Ask, desk::Desk, trouble::Trouble};

/// The largest file that the page plays, in bytes: the page holds all of it.
const PLAYED: u64 = 64 * 1024 * 1024;
/// The most files of one name that are saved beside each other.
const ALIKE: usize = 1000;

fn named(session: &Session, id: AttachmentId) -> Result<Attachment, Trouble> {
    session.attachment(id)?.ok_or_else(|| Trouble::new(ErrorKind::NotFound, "no message names this file"))
}

/// Fetches a file to this machine. The page hears of its progress.
#[tauri::command(async)]
pub(crate) fn fetch(desk: State<'_, Desk>, id: AttachmentId) -> Result<(), Trouble> {
    let open = desk.open()?;
    open.session.fetch(id)?;
    open.ask(Ask::files());
    Ok(())
}

/// Saves a file among the person's downloads, beside others of this name. Returns where.
#[tauri::command(async)]
pub(crate) fn save(desk: State<'_, Desk>, id: AttachmentId) -> Result<String, Trouble> {
    let session = &desk.open()?.session;
    let directory = match &desk.arguments.downloads {
        Some(directory) => directory.clone(),
        None => desk.app.path().download_dir().map_err(|error| Trouble::of(ErrorKind::NotFound, &error))?,
    };
    fs::create_dir_all(&directory)?;
    let name = named(session, id)?.file_name();
    for number in 1..ALIKE {
        let to = directory.join(numbered(&name, number));
        match session.export(id, &to) {
            Err(ExportError::Exists { .. }) => {}
            done => return Ok(done.map(|()| to.to_string_lossy().into_owned())?),
        }
    }
    Err(Trouble::new(ErrorKind::Exists, format!("too many files named {name} are in {}", directory.display())))
}

/// Returns the content of a file, for a player.
#[tauri::command(async)]
pub(crate) fn content(desk: State<'_, Desk>, id: AttachmentId) -> Result<Response, Trouble> {
    let session = &desk.open()?.session;
    if named(session, id)?.manifest.length() > PLAYED {
        return Err(Trouble::new(ErrorKind::Invalid, "the file is too large to be played here; save it"));
    }
    let place = tempfile::tempdir()?;
    let to = place.path().join("content");
    session.export(id, &to)?;
    Ok(Response::new(fs::read(to)?))
}

/// Returns `name (2).wav` for the second file of a name.
fn numbered(name: &str, number: usize) -> String {
    match name.rsplit_once('.') {
        _ if number == 1 => name.to_owned(),
        Some((stem, end)) if !stem.is_empty() => format!("{stem} ({number}).{end}"),
        _ => format!("{name} ({number})"),
    }
}

/// Returns the media type by the end of a name, for those that the page plays.
pub(crate) fn media_type(path: &Path) -> Option<&'static str> {
    let end = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match end.as_str() {
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "flac" => "audio/flac",
        "ogg" | "opus" => "audio/ogg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_file_of_a_name_stands_beside_the_first() {
        assert_eq!(numbered("take.wav", 1), "take.wav");
        assert_eq!(numbered("take.wav", 2), "take (2).wav");
        assert_eq!(numbered("take", 3), "take (3)");
    }

    #[test]
    fn the_end_of_a_name_tells_its_type() {
        assert_eq!(media_type(Path::new("a/Take.WAV")), Some("audio/wav"));
        assert_eq!(media_type(Path::new("notes.txt")), None);
    }
}
