//! A screen in memory, and what the programs on it need.

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use crate::talk::Talk;

/// The size of the screen, and its depth.
const SIZE: &str = "1240x800x24";

/// A screen that ends when this is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    /// The name of the display, such as `:5`.
    display: String,
    home: PathBuf,
    _server: Talk,
}

impl Screen {
    /// Starts a screen on the first free display.
    pub(super) fn start(place: &Path) -> Result<Self, String> {
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp"]);
        let server = Talk::start(&mut server, &place.join("screen.log"))?;
        let number = server.hear().map_err(|why| format!("the screen does not start: {why}"))?;
        Ok(Self { display: format!(":{}", number.trim()), home: place.join("home"), _server: server })
    }

    /// Returns the home directory of the programs on it.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// Prepares a program for the screen. Nothing of this person's desktop reaches it, and nothing of it stays.
    pub(super) fn show<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, directory) in [("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")]
        {
            command.env(name, self.home.join(directory));
        }
        command
            .env("HOME", &self.home)
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("GDK_BACKEND", "x11")
            .env("GSETTINGS_BACKEND", "memory")
            .env("NO_AT_BRIDGE", "1")
            // There is no graphics card.
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("TZ", "UTC")
    }
}

/// Returns the last lines of all logs.
pub(super) fn logs(place: &Path) -> String {
    const LINES: usize = 12;
    let logs = fs::read_dir(place).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let logs = logs.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let text = logs.filter_map(|path| {
        let text = fs::read_to_string(&path).ok().filter(|text| !text.is_empty())?;
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LINES)..)?.join("\n  ");
        Some(format!("{}\n  {last}\n", path.file_name()?.display()))
    });
    text.collect()
}
