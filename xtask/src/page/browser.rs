//! The browser: finding it, installing it on a bare CI machine, and loading a page with it.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;

use crate::call::Call;
use crate::failure::Failure;
use crate::{debian, process};

/// The program names of Chromium.
const PROGRAMS: &[&str] = &["chromium", "google-chrome", "chromium-browser"];

/// The time limit for a page; long enough for a slow machine.
const DEADLINE: Duration = Duration::from_secs(300);

const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--hide-scrollbars",
    "--window-size=1440,1000",
    "--virtual-time-budget=60000",
];

/// Dark text on a light ground or light text on a dark ground, as the person has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

/// The result of loading a page.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The document after all scripts.
    pub(super) dom: String,
    /// The lines on the console: errors of scripts, and what the security policy refused.
    pub(super) console: Vec<String>,
}

/// A browser that runs, with a directory of its own.
#[derive(Debug)]
pub(super) struct Browser {
    program: &'static str,
    scratch: PathBuf,
}

impl Browser {
    /// Finds the browser of this machine. On a CI machine that permits it, installs one.
    ///
    /// # Errors
    ///
    /// `Skipped` when there is none.
    pub(super) fn find(scratch: &Path) -> Result<Self, Failure> {
        let program = match installed() {
            Some(program) => program,
            None => {
                install(scratch).map_err(|why| Failure::Skipped { why: format!("there is no Chromium, and {why}") })?
            }
        };
        Ok(Self { program, scratch: scratch.to_owned() })
    }

    /// Returns the document after loading a page.
    pub(super) fn load(&self, address: &str, scheme: Scheme) -> Result<Loaded, Failure> {
        let (dom, log) = self.open(address, scheme, "--dump-dom")?;
        let console = log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        Ok(Loaded { dom, console })
    }

    /// Takes a picture of a page.
    pub(super) fn picture(&self, address: &str, scheme: Scheme, file: &Path) -> Result<(), Failure> {
        self.open(address, scheme, &format!("--screenshot={}", file.display())).map(drop)
    }

    /// Opens a page in a browser that has never run before; returns its output and its log.
    fn open(&self, address: &str, scheme: Scheme, what: &str) -> Result<(String, String), Failure> {
        let profile = self.scratch.join("profile");
        if profile.exists() {
            fs::remove_dir_all(&profile)?;
        }
        // Blink counts dark as 0 and light as 1.
        let scheme = match scheme {
            Scheme::Dark => "--blink-settings=preferredColorScheme=0",
            Scheme::Light => "--blink-settings=preferredColorScheme=1",
        };
        let call = Call::program(self.program, FLAGS)
            .argument(&format!("--user-data-dir={}", profile.display()))
            .argument(scheme)
            .argument(what)
            .argument(address);
        let said = process::run(&mut call.command(), &self.scratch.join("said"), DEADLINE)?;
        if said.status.success() {
            return Ok((said.out, said.err));
        }
        let last: Vec<_> = said.err.lines().rev().take(5).collect();
        Err(Failure::Unanswered { command: call.line(), why: format!("{}\n  {}", said.status, last.join("\n  ")) })
    }
}

/// Returns a program that runs. Some systems have a program of this name that only tells how to get the real
/// one, so its presence is not enough.
fn installed() -> Option<&'static str> {
    PROGRAMS.iter().copied().find(|&program| Call::program(program, &["--version"]).answer().is_ok())
}

/// Installs Debian's Chromium on a CI machine, or says why not.
fn install(logs: &Path) -> Result<&'static str, String> {
    if env::var("CI").as_deref() != Ok("true") {
        return Err("it is installed on its own only where CI=true".to_owned());
    }
    debian::install(&["chromium"], logs)?;
    installed().ok_or_else(|| "what apt-get installs does not run".to_owned())
}
