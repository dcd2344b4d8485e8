//! Programs that run beside us, each in a process group of its own and with a time limit.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

/// A program that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
}

/// The output of a program that has ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: ExitStatus,
}

/// Whether an interruption asks everything to end.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The time between two checks of a condition.
pub(crate) const GLANCE: Duration = Duration::from_millis(5);

impl Running {
    /// Starts the program. Signals from the terminal do not reach it; the caller must end it.
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        match command.process_group(0).spawn() {
            Ok(child) => Ok(Self { child }),
            Err(error) => Err(format!("`{}` does not start: {error}", command.get_program().display())),
        }
    }

    /// Returns the exit status if the program has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            pause_until(deadline)?;
        }
    }

    /// Sends a signal to the program and its children.
    pub(crate) fn signal(&self, signal: Signal) {
        // The program may have ended already.
        let _ = i32::try_from(self.child.id()).map(|group| signal::killpg(Pid::from_raw(group), signal));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its children may outlive it.
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Said {
    /// Returns an error unless it ended well.
    pub(crate) fn check(self, what: &str) -> Result<Self, String> {
        if self.status.success() {
            return Ok(self);
        }
        Err(format!("`{what}` ended with {}: {}", self.status, self.err.trim()))
    }
}

/// Runs a program to its end, with its output in files of this name.
pub(crate) fn run(command: &mut Command, output: &Path, patience: Duration) -> Result<Said, String> {
    let errors =
        File::create(output.with_extension("err")).map_err(|error| format!("{}: {error}", output.display()))?;
    run_with(command, output, errors, patience)
}

/// Runs a program to its end. Its standard output and standard error become one text, in the order of
/// writing.
pub(crate) fn run_merged(command: &mut Command, output: &Path, patience: Duration) -> Result<Said, String> {
    let both = File::options().append(true).create(true).open(output.with_extension("out"));
    run_with(command, output, both.map_err(|error| format!("{}: {error}", output.display()))?, patience)
}

fn run_with(command: &mut Command, output: &Path, errors: File, patience: Duration) -> Result<Said, String> {
    let (out, err) = (output.with_extension("out"), output.with_extension("err"));
    let stdout = fs::write(&out, "").and_then(|()| File::options().append(true).open(&out));
    let stdout = stdout.map_err(|error| format!("{}: {error}", out.display()))?;
    let mut running = Running::start(command.stdin(Stdio::null()).stdout(stdout).stderr(errors))?;
    let what = command.get_program().display().to_string();
    let status = running.wait(patience).map_err(|why| format!("`{what}`: {why}"))?;
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    Ok(Said { out: text(&out), err: text(&err), status })
}

/// Sends the program's output to the end of a file, and gives it no input.
pub(crate) fn quietly<'a>(command: &'a mut Command, log: &Path) -> Result<&'a mut Command, String> {
    let file = || -> io::Result<_> {
        let log = File::options().create(true).append(true).open(log.with_extension("log"))?;
        Ok((log.try_clone()?, log))
    };
    let (out, err) = file().map_err(|error| format!("{}: {error}", log.display()))?;
    Ok(command.stdin(Stdio::null()).stdout(out).stderr(err))
}

/// Makes an interruption end everything in good order. May be called more than once: `ci` runs several
/// commands.
pub(crate) fn heed_interruptions() -> Result<(), String> {
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    let set = || ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).map_err(|error| error.to_string());
    HANDLER.get_or_init(set).clone()
}

/// Returns an error after an interruption.
pub(crate) fn check_interruption() -> Result<(), String> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err("interrupted".to_owned()) } else { Ok(()) }
}

/// Rests for this long, unless interrupted.
pub(crate) fn rest(span: Duration) -> Result<(), String> {
    let end = Instant::now() + span;
    while pause_until(end).is_ok() {}
    check_interruption()
}

/// Waits until a condition holds, at most for this long.
pub(crate) fn wait_until(patience: Duration, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    while !is_so() {
        pause_until(deadline)?;
    }
    Ok(())
}

/// Rests for a moment, unless the deadline has passed or an interruption came.
pub(crate) fn pause_until(deadline: Instant) -> Result<(), String> {
    check_interruption()?;
    if Instant::now() >= deadline {
        return Err("it takes too long".to_owned());
    }
    std::thread::sleep(GLANCE); // deadline loop: the callers go on until theirs
    Ok(())
}
