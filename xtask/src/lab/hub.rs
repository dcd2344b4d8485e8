//! Unison and rclone: the machines are synchronized one after the other with a directory in the middle, as
//! with a NAS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::share::Engine;
use crate::process::{self, Running};

/// The program that makes two directories equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Unison,
    Rclone,
}

/// The machines, and a thread that goes round.
#[derive(Debug)]
pub(super) struct Hub {
    shares: Vec<PathBuf>,
    state: Arc<Mutex<State>>,
    is_over: Arc<AtomicBool>,
    round: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    machines: Vec<Machine>,
    /// The machine whose turn it is, and the process group that serves it.
    turn: Option<(usize, Pid)>,
}

#[derive(Debug, Clone, Default)]
struct Machine {
    is_started: bool,
    is_offline: bool,
    /// Whether the tool failed and has to compare both sides from the beginning.
    is_upset: bool,
}

/// The state of the thread.
#[derive(Debug)]
struct Round {
    tool: Tool,
    place: PathBuf,
    shares: Vec<PathBuf>,
    state: Arc<Mutex<State>>,
    is_over: Arc<AtomicBool>,
}

/// The time limit of one turn.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause after each round.
const REST: Duration = Duration::from_millis(300);

impl Tool {
    /// Returns the name of the program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unison => "unison",
            Self::Rclone => "rclone",
        }
    }
}

impl Hub {
    pub(super) fn set_up(tool: Tool, place: &Path, machines: usize) -> Result<Self, String> {
        let shares: Vec<_> = (0..machines).map(|number| place.join(format!("share-{number}"))).collect();
        for dir in shares.iter().chain([&place.join("hub")]) {
            let made = fs::create_dir_all(dir).and_then(|()| fs::write(dir.join("README.txt"), "a share\n"));
            made.map_err(|error| format!("{}: {error}", dir.display()))?;
        }
        let fresh = Machine { is_upset: true, ..Machine::default() };
        let state = Arc::new(Mutex::new(State { machines: vec![fresh; machines], turn: None }));
        let is_over = Arc::new(AtomicBool::new(false));
        let round = Round {
            tool,
            place: place.to_owned(),
            shares: shares.clone(),
            state: Arc::clone(&state),
            is_over: Arc::clone(&is_over),
        };
        let round = Some(thread::spawn(move || round.go_round()));
        Ok(Self { shares, state, is_over, round })
    }

    fn change(&self, number: usize, change: impl FnOnce(&mut Machine)) -> Result<MutexGuard<'_, State>, String> {
        let mut state = lock(&self.state);
        state.machines.get_mut(number).map(change).ok_or_else(|| format!("there is no machine {number}"))?;
        Ok(state)
    }

    /// Ends the work for a machine.
    fn break_off(state: &State, number: usize) {
        if let Some((_, group)) = state.turn.filter(|(of, _)| *of == number) {
            // The process may have ended already.
            let _ = signal::killpg(group, Signal::SIGKILL);
        }
    }
}

impl Engine for Hub {
    fn share(&self, machine: usize) -> PathBuf {
        self.shares.get(machine).cloned().unwrap_or_default()
    }

    fn start(&mut self, number: usize) -> Result<(), String> {
        self.change(number, |machine| machine.is_started = true).map(drop)
    }

    /// Waits for the machine's turn, so that the program is killed in the middle of it.
    fn kill(&mut self, number: usize) -> Result<bool, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut state = lock(&self.state);
            let turn = state.turn.map(|(of, _)| of);
            let machine = state.machines.get_mut(number).ok_or_else(|| format!("there is no machine {number}"))?;
            if !machine.is_started || machine.is_offline {
                machine.is_started = false;
                return Ok(false);
            }
            if turn == Some(number) {
                machine.is_started = false;
                Self::break_off(&state, number);
                return Ok(true);
            }
            drop(state);
            process::pause_until(deadline)
                .map_err(|why| format!("the turn of machine {number} does not come: {why}"))?;
        }
    }

    fn set_online(&mut self, number: usize, online: bool) -> Result<(), String> {
        let state = self.change(number, |machine| machine.is_offline = !online)?;
        if !online {
            Self::break_off(&state, number);
        }
        Ok(())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let state = lock(&self.state);
        (0..self.shares.len()).for_each(|number| Self::break_off(&state, number));
        drop(state);
        if let Some(round) = self.round.take() {
            // The thread returns nothing.
            let _ = round.join();
        }
    }
}

impl Round {
    fn go_round(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            for number in 0..self.shares.len() {
                self.take_turn(number);
            }
            if process::rest(REST).is_err() {
                return;
            }
        }
    }

    /// Makes a machine's share and the directory in the middle equal.
    fn take_turn(&self, number: usize) {
        let log = self.place.join("logs").join(format!("{}-{number}", self.tool.name()));
        let Some(share) = self.shares.get(number) else { return };
        let mut state = lock(&self.state);
        let Some(machine) = state.machines.get_mut(number) else { return };
        if !machine.is_started || machine.is_offline {
            return;
        }
        let mut command = self.command(number, share, machine.is_upset);
        machine.is_upset = true;
        let Ok(mut running) = process::quietly(&mut command, &log).and_then(Running::start) else {
            return;
        };
        state.turn = i32::try_from(running.child.id()).ok().map(|group| (number, Pid::from_raw(group)));
        drop(state);
        let ended = running.wait(PATIENCE);
        let is_upset = !ended.is_ok_and(|status| status.success());
        let mut state = lock(&self.state);
        state.turn = None;
        if is_upset {
            self.unlock(number);
        }
        if let Some(machine) = state.machines.get_mut(number) {
            machine.is_upset = is_upset;
        }
    }

    /// Removes the locks of a killed tool; with them it would never run again.
    fn unlock(&self, number: usize) {
        let entries = fs::read_dir(self.home(number)).into_iter().flatten().filter_map(Result::ok);
        let locks = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "lck"));
        // If a lock stays, the next turn fails as well and reports it.
        locks.for_each(|lock| drop(fs::remove_file(lock)));
    }

    /// Returns the directory where the tool keeps its state.
    fn home(&self, number: usize) -> PathBuf {
        self.place.join(format!("{}-{number}", self.tool.name()))
    }

    fn command(&self, number: usize, share: &Path, is_upset: bool) -> Command {
        let home = self.home(number);
        let mut command = Command::new(self.tool.name());
        command.env("HOME", &home);
        match self.tool {
            Tool::Unison => {
                command.args([share, &self.place.join("hub")]).env("UNISON", &home);
                command.args(["-ui", "text", "-batch", "-times", "-prefer", "newer", "-copyonconflict"]);
                // Two runs never overlap here, and the lock of a killed run would stay.
                command.args(["-confirmbigdel=false", "-ignorelocks"]);
            }
            Tool::Rclone => {
                command.arg("bisync").args([share, &self.place.join("hub")]).arg("--workdir").arg(&home);
                command.args(["--force", "--config", ""]);
                if is_upset {
                    command.arg("--resync");
                }
            }
        }
        command
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
