//! The browser: finding it, on a bare machine of a CI installing it, and loading a page with it.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::failure::Failure;

/// The names that Chromium goes by.
const PROGRAMS: &[&str] = &["chromium", "google-chrome", "chromium-browser"];

/// A page that is not there by then never will be; so much that a slow machine makes no difference.
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

/// Colors on a light or on a dark ground, as the person has set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

/// What a browser made of a page.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The document after all scripts.
    pub(super) dom: String,
    /// What stands on the console: errors of scripts, and what the security policy refused.
    pub(super) console: Vec<String>,
}

/// A browser that runs, with a directory of its own.
#[derive(Debug)]
pub(super) struct Browser {
    program: &'static str,
    scratch: PathBuf,
}

impl Browser {
    /// The browser of this machine; in a CI that may, it is installed.
    ///
    /// # Errors
    ///
    /// `Skipped` when there is none.
    pub(super) fn find(scratch: &Path) -> Result<Self, Failure> {
        let program = match installed() {
            Some(program) => program,
            None => install().map_err(|why| Failure::Skipped { why: format!("there is no Chromium, and {why}") })?,
        };
        Ok(Self { program, scratch: scratch.to_owned() })
    }

    /// The document that a page becomes.
    pub(super) fn load(&self, address: &str, scheme: Scheme) -> Result<Loaded, Failure> {
        let (dom, log) = self.open(address, scheme, "--dump-dom")?;
        let console = log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        Ok(Loaded { dom, console })
    }

    /// A picture of a page.
    pub(super) fn picture(&self, address: &str, scheme: Scheme, file: &Path) -> Result<(), Failure> {
        self.open(address, scheme, &format!("--screenshot={}", file.display())).map(drop)
    }

    /// Opens a page in a browser that has never run before; returns its output and its log.
    fn open(&self, address: &str, scheme: Scheme, what: &str) -> Result<(String, String), Failure> {
        let profile = self.scratch.join("profile");
        let (output, log) = (self.scratch.join("output"), self.scratch.join("log"));
        match fs::remove_dir_all(&profile) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::Unreadable { path: profile, source });
            }
            _ => {}
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
        let create =
            |path: &Path| File::create(path).map_err(|source| Failure::Unreadable { path: path.to_owned(), source });
        // Files, because a browser's children may hold a pipe open for longer than it lives.
        let mut child = call.spawn(create(&output)?, create(&log)?)?;
        let unanswered = |why: String| {
            let log = fs::read(&log).unwrap_or_default();
            let last: Vec<_> = String::from_utf8_lossy(&log).lines().rev().take(5).map(str::to_owned).collect();
            Failure::Unanswered { command: call.line(), why: format!("{why}\n  {}", last.join("\n  ")) }
        };
        let begun = Instant::now();
        let status = loop {
            let ended = child.try_wait().map_err(|error| unanswered(error.to_string()))?;
            if let Some(status) = ended {
                break status;
            }
            if begun.elapsed() > DEADLINE {
                // It is gone already, or it goes now; either way there is no answer.
                let _ = child.kill();
                let _ = child.wait();
                return Err(unanswered(format!("nothing for {} s", DEADLINE.as_secs())));
            }
            thread::sleep(Duration::from_millis(50)); // deadline loop: DEADLINE
        };
        if !status.success() {
            return Err(unanswered(status.to_string()));
        }
        Ok((read(&output)?, read(&log)?))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes = fs::read(path).map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Some systems have a program of the name that only tells how to get the real one, so being there is not enough.
fn installed() -> Option<&'static str> {
    PROGRAMS.iter().copied().find(|&program| Call::program(program, &["--version"]).answer().is_ok())
}

/// Installs Debian's Chromium where that disturbs nobody, or says why not.
fn install() -> Result<&'static str, String> {
    if env::var("CI").as_deref() != Ok("true") {
        return Err("it is installed on its own only where CI=true".to_owned());
    }
    let user = Call::program("id", &["-u"]).answer().map_err(|failure| failure.to_string())?;
    if user.trim_ascii() != b"0" {
        return Err("only root may install it".to_owned());
    }
    let apt = |arguments: &[&str]| Call::program("apt-get", arguments).environment("DEBIAN_FRONTEND", "noninteractive");
    let update = apt(&["update", "-qq"]).run();
    let install = apt(&["install", "-qq", "-y", "--no-install-recommends", "chromium"]).run();
    installed().ok_or_else(|| match update.and(install) {
        Ok(()) => "what apt-get installs does not run".to_owned(),
        Err(failure) => failure.to_string(),
    })
}
