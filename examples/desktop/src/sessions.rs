//! Commands: choosing, opening and closing a session.

use std::env;

use serde::Serialize;
use tauri::{AppHandle, Manager, State};
use tauri_plugin_dialog::DialogExt;
use tempo_session::KnownSession;

use crate::{
    desk::Desk,
    opening::{self, Opened},
    trouble::Trouble,
};

/// The first settings of the page.
#[derive(Debug, Serialize)]
pub(crate) struct Start {
    /// The folder to open at once.
    folder: Option<String>,
    /// The name to use, or to suggest.
    name: String,
    /// The directory that paths leave out, if they are below it.
    home: Option<String>,
}

/// Called by the page when it listens to events.
#[tauri::command(async)]
pub(crate) fn start(desk: State<'_, Desk>) -> Start {
    // A page that was loaded again begins again.
    let open = desk.open().ok().map(|open| open.folder.clone());
    desk.close();
    desk.tell_tray();
    let asked = desk.arguments.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    let user = ["USER", "USERNAME"].iter().find_map(|name| env::var(name).ok());
    let home = desk.app.path().home_dir().ok().map(|home| home.to_string_lossy().into_owned());
    Start { folder: open.or(asked), name: desk.arguments.name.clone().or(user).unwrap_or_default(), home }
}

/// Returns the sessions of this machine.
#[tauri::command(async)]
pub(crate) fn known(desk: State<'_, Desk>) -> Result<Vec<KnownSession>, Trouble> {
    Ok(desk.arguments.known()?)
}

/// Lets a person choose a folder.
#[tauri::command(async)]
pub(crate) fn choose_folder(app: AppHandle) -> Option<String> {
    let chosen = app.dialog().file().set_title("Choose a session folder").blocking_pick_folder();
    chosen.map(|chosen| chosen.to_string())
}

/// Opens a session, in a new folder if asked to. Returns when everything that is on this machine can be shown.
#[tauri::command(async)]
pub(crate) fn open(desk: State<'_, Desk>, folder: &str, name: &str, create: bool) -> Result<Opened, Trouble> {
    let name = name.trim();
    opening::open(&desk, folder.trim(), Some(name).filter(|name| !name.is_empty()), create)
}

/// Closes the session.
#[tauri::command(async)]
pub(crate) fn close(desk: State<'_, Desk>) {
    desk.close();
}
