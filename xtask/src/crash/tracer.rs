//! Runs a program and does it harm at one of its system calls.
//!
//! Calls are counted by thread, because the order of calls in one thread is the same in every run, and that of different
//! threads is not. Threads of one name count together. (`strace` can inject faults as well; but it counts every thread by
//! itself and harms the first that gets there, so the first calls of all threads but the main one are out of its reach.)

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

/// One of the calls that a program makes: the n-th that its threads of this name make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) thread: String,
    pub(super) number: usize,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    /// The process is killed, and the call is not made.
    Kill,
    /// Half of the bytes are written, and the process is killed.
    Torn,
    /// Half of the bytes are written, and the process is told so.
    Short,
    /// The call is not made, and fails.
    Fail(Errno),
}

impl Harm {
    /// Whether it makes sense at such a call.
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
    /// Its file, as far as it is known.
    pub(super) path: String,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    Signal(Signal),
    /// It had to be killed, because it did not end.
    Hung,
}

/// What became of a program.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    /// Every call that counts, from the first one that touches the place.
    pub(super) made: Vec<Made>,
    /// The call that was harmed; `None` when it was not made this time.
    pub(super) harmed: Option<Made>,
}

/// Becomes a program that its parent may trace.
pub(super) fn become_traced(program: &str, arguments: &[String]) -> io::Error {
    match ptrace::traceme() {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}

/// Runs a command that [becomes traced](become_traced), and does harm at a spot. Calls before the first one about something
/// below `place` are not counted: those are the loader's.
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
    /// What is to happen at the end of the call that a thread is in.
    owed: BTreeMap<Pid, Harm>,
    ran: Ran,
}

impl Tracer<'_> {
    /// Follows all threads until the process is gone.
    fn follow(&mut self) -> io::Result<End> {
        let mut is_new = true;
        loop {
            // Other threads of ours trace others at the same time.
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
                // A new thread begins with this one.
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

    /// A thread begins or ends a call.
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
        // The same number may be another call than when the plan was made.
        let is_aimed_at = |(spot, harm): &(&Spot, Harm)| **spot == made.spot && harm.can_be_done_to(call);
        let harm = self.aim.filter(|aim| is_aimed_at(aim) && self.ran.harmed.is_none());
        if let Some((_, harm)) = harm {
            self.ran.harmed = Some(made.clone());
            match harm {
                Harm::Kill => kill(self.leader, Signal::SIGKILL)?,
                // There is no such call, so nothing happens.
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

    /// What a call is about; `None` when that is no file.
    fn path(&self, call: &Call, arguments: [u64; 3]) -> Option<String> {
        let [first, second, _] = arguments;
        let proc = PathBuf::from(format!("/proc/{}", self.leader));
        let open = |fd: u64| {
            // A directory in whose place the working directory stands is below zero.
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

/// The text at an address, up to its zero.
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

/// A process that is killed may be gone before it is asked.
fn gone_is_fine(done: nix::Result<()>) -> nix::Result<()> {
    match done {
        Err(Errno::ESRCH) => Ok(()),
        done => done,
    }
}
