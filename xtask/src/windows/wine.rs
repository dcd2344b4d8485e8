//! Wine: one prepared drive for all runs, and in each run a server and a drive of its own.
//!
//! Runs share the files of Windows itself through symbolic links. Each run has its own registry, user files
//! and server, so two runs at once do not meet, and stopping one server leaves the other alone.

use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::{Builder, TempDir};

use crate::cross::{self, skipped};
use crate::failure::Failure;
use crate::process::{self, Running};

const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";
const COMPILER: &str = "x86_64-w64-mingw32-gcc";
/// A library that Wine 8 lacks. Rust's standard library takes its random numbers from it.
const RANDOM: &str = "drive_c/windows/system32/bcryptprimitives.dll";
const PATIENCE: Duration = Duration::from_secs(120);
/// The most starts of a test or a scene when Wine fails and not the program.
pub(super) const STARTS: usize = 3;
/// Signs that Wine failed. The first is Rust's text for `ERROR_INTERNAL_ERROR`, with which Wine at times refuses to
/// start a process. The second is a signal of Linux: Wine ends a program at its own fault with an exit code, so a
/// signal means that Wine itself has broken down.
const FAILURES: [&str; 2] = ["Os { code: 1359,", "signal: 11 (SIGSEGV)"];

/// Returns the prepared drive. Makes it unless this version of Wine has one.
pub(super) fn set_up(home: &Path) -> Result<PathBuf, Failure> {
    let said = command(home, Path::new("--version")).output().map_err(|error| skipped(format!("{WINE}: {error}")))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.split_whitespace().next().unwrap_or("wine");
    let _lock = cross::lock(home)?;
    let base = home.join(version);
    if !base.is_dir() {
        cross::step(&format!("a drive for {version} (a quarter of a minute)"), || {
            let failed = |why: String| Failure::Unanswered { command: WINE.to_owned(), why };
            let scratch = Builder::new().prefix("wine-").tempdir_in(home).map_err(|error| failed(error.to_string()))?;
            let made = scratch.path().join("made");
            make(&made, scratch.path()).map_err(failed)?;
            fs::rename(&made, &base).map_err(|error| failed(error.to_string()))
        })?;
    }
    Ok(base)
}

fn make(made: &Path, scratch: &Path) -> Result<(), String> {
    fs::create_dir(made).map_err(|error| error.to_string())?;
    let booted = process::run(command(made, Path::new("wineboot")).arg("--init"), &scratch.join("boot"), PATIENCE * 2);
    booted?.check("wineboot --init")?;
    // The server writes the registry after its last program has ended.
    process::run(server(made).arg("--wait"), &scratch.join("server"), PATIENCE)?.check("wineserver --wait")?;
    let library = made.join(RANDOM);
    if library.exists() {
        return Ok(());
    }
    let source = scratch.join("process_prng.c");
    fs::write(&source, include_str!("process_prng.c")).map_err(|error| error.to_string())?;
    let mut compile = Command::new(COMPILER);
    compile.args(["-O2", "-shared", "-o"]).arg(&library).arg(&source).arg("-ladvapi32");
    process::run(&mut compile, &scratch.join("compile"), PATIENCE)?.check(COMPILER).map(drop)
}

/// A running server and its drive. Dropping it stops the server and deletes the drive.
#[derive(Debug)]
pub(super) struct Wine {
    server: Running,
    /// Declared after the server, which writes into it when it ends.
    prefix: TempDir,
}

impl Wine {
    /// Starts a server and the services of Windows. A test that starts them would take them along when it is killed.
    pub(super) fn start(base: &Path) -> Result<Self, String> {
        let prefix = Builder::new().prefix("tempo-wine-").tempdir().map_err(|error| error.to_string())?;
        lay_out(base, prefix.path()).map_err(|error| format!("{}: {error}", prefix.path().display()))?;
        let mut foreground = server(prefix.path());
        let server = Running::start(process::quietly(
            foreground.args(["--foreground", "--persistent"]),
            &prefix.path().join("server"),
        )?)?;
        let wine = Self { server, prefix };
        let mut boot = wine.command(Path::new("wineboot"));
        let mut boot = Running::start(process::quietly(&mut boot, &wine.prefix.path().join("boot"))?)?;
        let status = boot.wait(PATIENCE).map_err(|why| format!("wineboot: {why}"))?;
        if status.success() { Ok(wine) } else { Err(format!("wineboot ended with {status}")) }
    }

    /// Returns a command that runs a program for Windows.
    pub(super) fn command(&self, program: &Path) -> Command {
        command(self.prefix.path(), program)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Stops the programs of this server only.
        let _ = server(self.prefix.path()).arg("--kill").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.server.wait(Duration::from_secs(20));
    }
}

/// Returns whether a program's output, or the description of how it ended, shows that Wine failed.
pub(super) fn has_failed(said: &str) -> bool {
    FAILURES.iter().any(|sign| said.contains(sign))
}

/// Says that what Wine broke is started again.
pub(super) fn report_failure(what: &str, why: &dyn Display, start: usize) {
    println!("Wine failed in {what} ({why}), attempt {start} of {STARTS}");
}

/// Returns the path of a file as a program under Wine sees it.
pub(super) fn path(unix: &Path) -> String {
    format!("Z:{}", unix.display().to_string().replace('/', "\\"))
}

/// Makes the drive of one run.
fn lay_out(base: &Path, prefix: &Path) -> io::Result<()> {
    for name in ["system.reg", "user.reg", "userdef.reg", ".update-timestamp"] {
        fs::copy(base.join(name), prefix.join(name))?;
    }
    let devices = prefix.join("dosdevices");
    fs::create_dir(&devices)?;
    symlink("../drive_c", devices.join("c:"))?;
    symlink("/", devices.join("z:"))?;
    let drive = prefix.join("drive_c");
    fs::create_dir(&drive)?;
    for entry in fs::read_dir(base.join("drive_c"))? {
        let entry = entry?;
        let own = drive.join(entry.file_name());
        if entry.file_name() != "users" {
            symlink(entry.path(), own)?;
            continue;
        }
        for user in fs::read_dir(entry.path())? {
            let home = own.join(user?.file_name());
            for dir in ["Temp", "AppData/Local", "AppData/LocalLow", "AppData/Roaming"] {
                fs::create_dir_all(home.join(dir))?;
            }
        }
    }
    Ok(())
}

fn command(prefix: &Path, program: &Path) -> Command {
    let mut command = Command::new(WINE);
    quiet(&mut command, prefix).arg(program);
    command
}

fn server(prefix: &Path) -> Command {
    let mut command = Command::new(SERVER);
    quiet(&mut command, prefix);
    command
}

/// Keeps Wine from showing windows and from installing add-ons.
fn quiet<'a>(command: &'a mut Command, prefix: &Path) -> &'a mut Command {
    command.env("WINEPREFIX", prefix).env("WINEDEBUG", "-all").env("WINEDLLOVERRIDES", "mscoree,mshtml=");
    command.env("WINESERVER", SERVER).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn paths_are_named_by_drive() {
        assert_eq!(path(Path::new("/tmp/jam.session")), r"Z:\tmp\jam.session");
    }

    #[test]
    fn a_failure_of_wine_is_told_from_one_of_the_program() {
        let refused = "called `Result::unwrap()` on an `Err` value: Os { code: 1359, kind: Uncategorized, message: \"Internal error.\" }";
        assert!(has_failed(refused) && has_failed(&ExitStatus::from_raw(11).to_string()));
        assert!(!has_failed("called `Result::unwrap()` on an `Err` value: Os { code: 5, kind: PermissionDenied }"));
        // A program that fails has an exit code.
        assert!(!has_failed(&ExitStatus::from_raw(5 << 8).to_string()));
    }

    #[test]
    fn a_run_shares_what_belongs_to_windows_and_nothing_else() {
        let (base, prefix) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(base.path().join("drive_c/windows")).unwrap();
        fs::create_dir_all(base.path().join("drive_c/users/ana/Documents")).unwrap();
        for name in ["system.reg", "user.reg", "userdef.reg", ".update-timestamp"] {
            fs::write(base.path().join(name), name).unwrap();
        }
        lay_out(base.path(), prefix.path()).unwrap();
        let drive = prefix.path().join("dosdevices/c:");
        assert!(drive.join("windows").is_symlink());
        assert!(drive.join("users/ana/Temp").is_dir() && !drive.join("users/ana").is_symlink());
        assert!(!drive.join("users/ana/Documents").exists());
    }
}
