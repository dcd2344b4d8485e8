//! A running program that reads lines and prints lines.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::process::{self, Running};

/// A running program with its standard input and output.
#[derive(Debug)]
pub(crate) struct Talk {
    running: Running,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// The time limit for the next line, and for the end of a program.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

impl Talk {
    /// Starts the program. Appends its standard error to a file.
    pub(crate) fn start(command: &mut Command, errors: &Path) -> Result<Self, String> {
        let errors = File::options().create(true).append(true).open(errors);
        let errors = errors.map_err(|error| error.to_string())?;
        let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors))?;
        let input = running.child.stdin.take();
        let output = running.child.stdout.take().ok_or("the program has no output")?;
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            let heard = BufReader::new(output).lines().map_while(Result::ok);
            heard.map(|line| tell.send(line)).take_while(Result::is_ok).count()
        });
        Ok(Self { running, input, lines })
    }

    /// Writes lines to the program.
    pub(crate) fn say<T: AsRef<str>>(&mut self, lines: &[T]) -> Result<(), String> {
        let text: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
        let input = self.input.as_mut().ok_or("the input has ended")?;
        input.write_all(text.as_bytes()).map_err(|error| format!("the program does not listen: {error}"))
    }

    /// Returns the program's next line.
    pub(crate) fn hear(&self) -> Result<String, String> {
        process::check_interruption()?;
        self.lines.recv_timeout(PATIENCE).map_err(|error| format!("the program says nothing: {error}"))
    }

    /// Returns the lines that have come since the last call.
    pub(crate) fn heard(&self) -> impl Iterator<Item = String> {
        self.lines.try_iter()
    }

    /// Waits for a line that contains a text.
    pub(crate) fn expect(&self, part: &str) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while Instant::now() < deadline {
            match self.hear() {
                Ok(line) if line.contains(part) => return Ok(()),
                Ok(line) => heard.push(line),
                Err(why) => return Err(format!("no line contains `{part}`, only {heard:?}: {why}")),
            }
        }
        Err(format!("no line contains `{part}`, only {heard:?}"))
    }

    /// Returns the exit status if the program has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.running.ended()
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// Closes the input, waits until the program ends, and returns its unread lines. A bad exit status is an error.
    pub(crate) fn end(mut self, patience: Duration) -> Result<Vec<String>, String> {
        drop(self.input.take());
        let status = self.running.wait(patience).map_err(|why| format!("the program does not end: {why}"))?;
        let rest = self.rest();
        if status.success() { Ok(rest) } else { Err(format!("the program ended with {status}")) }
    }

    /// Kills the program and returns its unread lines.
    pub(crate) fn kill(self) -> Vec<String> {
        let Self { running, input, lines } = self;
        drop(running);
        drop(input);
        rest_of(&lines)
    }

    fn rest(&self) -> Vec<String> {
        rest_of(&self.lines)
    }
}

/// Returns the lines up to the end of the output, which comes soon after the program's end.
fn rest_of(lines: &Receiver<String>) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(5);
    let next = || lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
    std::iter::from_fn(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(program: &str, words: &[&str]) -> (Talk, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let talk = Talk::start(Command::new(program).args(words), &dir.path().join("err")).unwrap();
        (talk, dir)
    }

    #[test]
    fn lines_go_both_ways_until_the_input_ends() {
        let (mut talk, _dir) = start("cat", &[]);
        talk.say(&["one", "two", "three"]).unwrap();
        talk.expect("tw").unwrap();
        assert_eq!(talk.end(PATIENCE).unwrap(), ["three"]);
    }

    #[test]
    fn the_lines_of_a_killed_program_remain() {
        let (mut talk, _dir) = start("cat", &[]);
        talk.say(&["one", "two"]).unwrap();
        talk.expect("one").unwrap();
        assert!(talk.ended().is_none());
        assert!(["two"].starts_with(&talk.kill().iter().map(String::as_str).collect::<Vec<_>>()));
    }

    #[test]
    fn a_bad_end_is_an_error() {
        let (talk, _dir) = start("false", &[]);
        assert!(talk.end(PATIENCE).is_err());
    }
}
