//! Lets the page call the commands of this application, and nothing else: `capabilities/main.json` names them.

use tauri_build::{AppManifest, Attributes};

const COMMANDS: &[&str] = &[
    "start",
    "known",
    "choose_folder",
    "open",
    "close",
    "send",
    "earlier",
    "choose_files",
    "drop_file",
    "fetch",
    "save",
    "content",
    "check_up",
    "retire",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tauri_build::try_build(Attributes::new().app_manifest(AppManifest::new().commands(COMMANDS)))?;
    Ok(())
}
