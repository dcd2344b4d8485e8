//! Runs a program and harms it at one of its system calls.
//!
//! Calls are counted by thread, because the order of calls in one thread is the same in every run, and the
//! order across threads is not. Threads with one name count together. (`strace` can inject faults as well,
//! but it counts every thread separately and harms the first that gets there. So it cannot reach the first
//! calls of any thread but the main one.)

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::calls::{About, Call, locks};
use super::watchdog::Watchdog;

/// One of the calls that a program makes: the n-th call of its threads with this name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) thread: String,
    pub(super) number: usize,
}

/// The harm at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    /// Kills the process before the call.
    Kill,
    /// Writes half of the bytes, and kills the process.
    Torn,
    /// Writes half of the bytes, and tells the process so.
    Short,
    /// Skips the call and returns an error.
    Fail(Errno),
}

impl Harm {
    /// Returns whether the harm can be done to this call.
    pub(super) fn can_be_done_to(self, call: &Call) -> bool {
        match self {
            Self::Kill => true,
            Self::Torn | Self::Short => call.is_write(),
            Self::Fail(_) => call.can_fail(),
        }
    }
}

/// A call that was made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) spot: Spot,
    pub(super) call: &'static Call,
    /// The path of its file, as far as it is known.
    pub(super) path: String,
}

/// The end of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    Signal(Signal),
    /// The program did not end and had to be killed.
    Hung,
}

/// The result of a run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    /// Every counted call, from the first one that touches the place.
    pub(super) made: Vec<Made>,
    /// The harmed call; `None` when the program did not make it this time.
    pub(super) harmed: Option<Made>,
}

/// Becomes a program that its parent may trace.
pub(super) fn become_traced(program: &str, arguments: &[String]) -> io::Error {
    match ptrace::traceme() {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}

/// Runs a command that [becomes traced](become_traced), and harms it at a spot. Calls before the first one
/// about something below `place` belong to the loader and are not counted.
pub(super) fn run(command: &mut Command, place: &Path, aim: Option<(&Spot, Harm)>) -> io::Result<Ran> {
    let child = command.spawn()?;
    let leader = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let watchdog = Watchdog::over(child.id());
    let mut tracer = Tracer {
        leader,
        place,
        aim,
        has_begun: false,
        counts: BTreeMap::new(),
        owed: BTreeMap::new(),
        ran: Ran { end: End::Hung, made: Vec::new(), harmed: None },
    };
    let end = tracer.follow()?;
    tracer.ran.end = if watchdog.has_bitten() { End::Hung } else { end };
    Ok(tracer.ran)
}

struct Tracer<'a> {
    leader: Pid,
    place: &'a Path,
    aim: Option<(&'a Spot, Harm)>,
    has_begun: bool,
    counts: BTreeMap<String, usize>,
    /// The harm that is due at the end of the call that a thread is in.
    owed: BTreeMap<Pid, Harm>,
    ran: Ran,
}

impl Tracer<'_> {
    /// Follows all threads until the process is gone.
    fn follow(&mut self) -> io::Result<End> {
        let mut is_new = true;
        loop {
            // Other threads of ours trace other programs at the same time.
            match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))? {
                WaitStatus::Exited(pid, code) if pid == self.leader => return Ok(End::Code(code)),
                WaitStatus::Signaled(pid, signal, _) if pid == self.leader => return Ok(End::Signal(signal)),
                WaitStatus::Stopped(pid, Signal::SIGTRAP) if is_new => {
                    is_new = false;
                    let options = Options::PTRACE_O_TRACESYSGOOD
                        | Options::PTRACE_O_TRACECLONE
                        | Options::PTRACE_O_TRACEFORK
                        | Options::PTRACE_O_TRACEVFORK
                        | Options::PTRACE_O_EXITKILL;
                    ptrace::setoptions(pid, options)?;
                    go_on(pid, None)?;
                }
                // A new thread begins with this stop.
                WaitStatus::Stopped(pid, Signal::SIGSTOP) | WaitStatus::PtraceEvent(pid, ..) => go_on(pid, None)?,
                WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal))?,
                WaitStatus::PtraceSyscall(pid) => {
                    gone_is_fine(self.handle(pid))?;
                    go_on(pid, None)?;
                }
                _ => {}
            }
        }
    }

    /// Handles the begin or the end of a thread's call.
    fn handle(&mut self, pid: Pid) -> nix::Result<()> {
        if ptrace::syscall_info(pid)?.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
            return self.begin(pid);
        }
        match self.owed.remove(&pid) {
            Some(Harm::Fail(error)) => {
                let mut regs = ptrace::getregs(pid)?;
                regs.rax = i64::from(error as i32).wrapping_neg().cast_unsigned();
                ptrace::setregs(pid, regs)
            }
            Some(Harm::Torn) => kill(self.leader, Signal::SIGKILL),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, pid: Pid) -> nix::Result<()> {
        let mut regs = ptrace::getregs(pid)?;
        let arguments = [regs.rdi, regs.rsi, regs.rdx];
        let Some(call) = Call::of(regs.orig_rax) else { return Ok(()) };
        let Some(path) = self.path(call, arguments) else { return Ok(()) };
        self.has_begun |= Path::new(&path).starts_with(self.place);
        if !self.has_begun {
            return Ok(());
        }
        let thread = self.thread(pid);
        let count = self.counts.entry(thread.clone()).or_default();
        *count += 1;
        let made = Made { spot: Spot { thread, number: *count }, call, path };
        // The number may now belong to another call than when the plan was made.
        let is_aimed_at = |(spot, harm): &(&Spot, Harm)| **spot == made.spot && harm.can_be_done_to(call);
        let harm = self.aim.filter(|aim| is_aimed_at(aim) && self.ran.harmed.is_none());
        if let Some((_, harm)) = harm {
            self.ran.harmed = Some(made.clone());
            match harm {
                Harm::Kill => kill(self.leader, Signal::SIGKILL)?,
                // No call has this number, so the kernel does nothing.
                Harm::Fail(_) => regs.orig_rax = u64::MAX,
                Harm::Torn | Harm::Short => regs.rdx = regs.rdx.div_ceil(2),
            }
            if harm != Harm::Kill {
                ptrace::setregs(pid, regs)?;
                self.owed.insert(pid, harm);
            }
        }
        self.ran.made.push(made);
        Ok(())
    }

    /// Returns the path that a call is about; `None` when that is not a file.
    fn path(&self, call: &Call, arguments: [u64; 3]) -> Option<String> {
        let [first, second, _] = arguments;
        let proc = PathBuf::from(format!("/proc/{}", self.leader));
        let open = |fd: u64| {
            // A negative number stands for the working directory.
            let fd = i32::try_from(fd.cast_signed()).ok().filter(|fd| *fd >= 0)?;
            fs::read_link(proc.join(format!("fd/{fd}"))).ok()
        };
        let shown = |path: PathBuf| path.is_absolute().then(|| path.display().to_string());
        match call.about {
            About::Nothing => Some(String::new()),
            About::Lock if !locks(second) => None,
            About::File | About::Lock => shown(open(first)?),
            About::Path(0) => Some(text(&proc, first)),
            About::Path(_) => Some(open(first).unwrap_or_default().join(text(&proc, second)).display().to_string()),
        }
    }

    fn thread(&self, pid: Pid) -> String {
        if pid == self.leader {
            return "main".to_owned();
        }
        let name = fs::read_to_string(format!("/proc/{}/task/{pid}/comm", self.leader)).unwrap_or_default();
        name.trim().replace(' ', "-")
    }
}

/// Reads the text at an address, up to its zero byte.
fn text(proc: &Path, address: u64) -> String {
    let mut bytes = Vec::new();
    if let Ok(memory) = File::open(proc.join("mem")) {
        let mut chunk = [0; 64];
        while bytes.len() < 4096 {
            let at = address + u64::try_from(bytes.len()).unwrap_or_default();
            let Ok(read @ 1..) = memory.read_at(&mut chunk, at) else { break };
            let read = chunk.get(..read).unwrap_or_default();
            let end = read.iter().position(|&byte| byte == 0);
            bytes.extend_from_slice(read.get(..end.unwrap_or(read.len())).unwrap_or_default());
            if end.is_some() {
                break;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn go_on(pid: Pid, signal: Option<Signal>) -> nix::Result<()> {
    gone_is_fine(ptrace::syscall(pid, signal))
}

/// Ignores that a process is gone, because a killed process may disappear before the next request.
fn gone_is_fine(done: nix::Result<()>) -> nix::Result<()> {
    match done {
        Err(Errno::ESRCH) => Ok(()),
        done => done,
    }
}
