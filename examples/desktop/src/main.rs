//! A desktop application on a session folder: members, messages, files, and what is wrong.
//!
//! The page in `ui` shows what this process tells it: JSON as `docs/JSON.md` describes it, pushed as events. `pump`
//! follows the session, `clerk` looks at the folder, and every command of the page runs off the window's thread.

mod arguments;
mod ask;
mod clerk;
mod desk;
mod files;
mod listed;
mod opening;
mod pump;
mod room;
mod sessions;
mod talking;
mod tell;
mod tray;
mod trouble;

use clap::Parser;
use tauri::{DragDropEvent, Manager, Window, WindowEvent};

use crate::{arguments::Arguments, desk::Desk};

fn main() -> tauri::Result<()> {
    let arguments = Arguments::parse();
    tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .setup(move |app| {
            app.manage(Desk::new(app.handle().clone(), arguments));
            Ok(())
        })
        .on_window_event(handle)
        .invoke_handler(tauri::generate_handler![
            sessions::start,
            sessions::known,
            sessions::choose_folder,
            sessions::open,
            sessions::close,
            talking::send,
            talking::earlier,
            talking::check_up,
            talking::retire,
            files::fetch,
            files::save,
            files::content,
            tray::choose_files,
            tray::drop_file,
        ])
        .run(tauri::generate_context!())
}

/// Takes files that are dropped on the window, and closes the session before the window.
fn handle(window: &Window, event: &WindowEvent) {
    let app = window.app_handle().clone();
    match event {
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            let paths = paths.clone();
            desk::in_background(move || app.state::<Desk>().add_to_tray(paths));
        }
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            // Nothing is lost if the window cannot be hidden.
            let _ = window.hide();
            desk::in_background(move || {
                app.state::<Desk>().close();
                app.exit(0);
            });
        }
        _ => {}
    }
}
