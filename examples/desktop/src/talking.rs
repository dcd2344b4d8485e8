//! Commands: messages and members.

use std::mem;

use serde::Serialize;
use tauri::State;
use tempo_session::{AuthorId, Entry, Keep, MessageId};

use crate::{
    ask::Ask,
    desk::{Desk, lock},
    files::media_type,
    pump::seen_by,
    room::SHOWN,
    trouble::Trouble,
};

/// Messages before those that the page has.
#[derive(Debug, Serialize)]
pub(crate) struct Earlier {
    entries: Vec<Entry>,
    seen: std::collections::BTreeMap<MessageId, Vec<AuthorId>>,
}

/// Sends a text with the files of the tray. Reads the files, so it may take its time.
#[tauri::command(async)]
pub(crate) fn send(desk: State<'_, Desk>, text: &str) -> Result<(), Trouble> {
    let open = desk.open()?;
    let chosen = mem::take(&mut *lock(&desk.tray));
    let attach = || -> Result<(), Trouble> {
        let mut attached = Vec::new();
        for path in &chosen {
            let mut attachment = open.session.attach(path, Keep::Copy)?;
            media_type(path).unwrap_or_default().clone_into(&mut attachment.media_type);
            attached.push(attachment);
        }
        open.session.send_with(text, &attached)?;
        Ok(())
    };
    let sent = attach();
    if sent.is_err() {
        lock(&desk.tray).splice(0..0, chosen);
    }
    desk.tell_tray();
    sent
}

/// Returns messages before a position.
#[tauri::command(async)]
pub(crate) fn earlier(desk: State<'_, Desk>, before: usize) -> Result<Earlier, Trouble> {
    let session = &desk.open()?.session;
    let from = before.saturating_sub(SHOWN);
    let entries: Vec<Entry> = session.timeline().skip(from).take(before - from).collect::<Result<_, _>>()?;
    let seen = seen_by(session, entries.iter());
    Ok(Earlier { entries, seen })
}

/// Examines everything in the folder.
#[tauri::command(async)]
pub(crate) fn check_up(desk: State<'_, Desk>) -> Result<(), Trouble> {
    desk.open()?.ask(Ask::everything());
    Ok(())
}

/// Retires a member that will not come back, for all members.
#[tauri::command(async)]
pub(crate) fn retire(desk: State<'_, Desk>, author: AuthorId) -> Result<(), Trouble> {
    Ok(desk.open()?.session.retire(author)?)
}
