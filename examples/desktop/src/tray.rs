//! Commands: the files that go with the next message.

use std::{fs, path::PathBuf};

use serde::Serialize;
use tauri::{AppHandle, State};
use tauri_plugin_dialog::DialogExt;

use crate::{
    desk::{Desk, lock},
    tell::tell,
};

/// A chosen file.
#[derive(Debug, Clone, Serialize)]
struct Chosen {
    name: String,
    bytes: Option<u64>,
}

/// Lets a person choose files for the next message.
#[tauri::command(async)]
pub(crate) fn choose_files(app: AppHandle, desk: State<'_, Desk>) {
    let chosen = app.dialog().file().set_title("Attach files").blocking_pick_files().unwrap_or_default();
    desk.add_to_tray(chosen.into_iter().filter_map(|file| file.into_path().ok()).collect());
}

/// Takes a file out of the tray.
#[tauri::command(async)]
pub(crate) fn drop_file(desk: State<'_, Desk>, index: usize) {
    let mut tray = lock(&desk.tray);
    if index < tray.len() {
        tray.remove(index);
    }
    drop(tray);
    desk.tell_tray();
}

impl Desk {
    /// Adds files that a person has chosen to the next message.
    pub(crate) fn add_to_tray(&self, files: Vec<PathBuf>) {
        lock(&self.tray).extend(files);
        self.tell_tray();
    }

    /// Tells the page what is in the tray.
    pub(crate) fn tell_tray(&self) {
        let paths = lock(&self.tray).clone();
        let chosen = paths.iter().map(|path| Chosen {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: fs::metadata(path).ok().map(|about| about.len()),
        });
        tell(&self.app, "tray", &chosen.collect::<Vec<_>>());
    }
}
