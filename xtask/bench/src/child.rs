//! Measurements in a process of their own: this program, started once more.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::volume::INSIDE;

/// A measurement of a session that a child opens, with the child's first argument. It returns one figure.
pub(crate) type Measurement = (&'static str, fn(&Arguments) -> f64);

/// The arguments of a child.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) folder: PathBuf,
    pub(crate) state: PathBuf,
    /// The number of messages in the folder.
    pub(crate) messages: usize,
    /// How long to measure, in seconds; zero where the measurement has no length.
    pub(crate) seconds: u64,
}

/// A child that is measuring.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
}

/// Measures and prints the figure, if this process is a child. Returns whether it is one.
pub(crate) fn answer(arguments: &[String], measurements: &[Measurement]) -> bool {
    let [first, rest @ ..] = arguments else { return false };
    let Some((_, measure)) = measurements.iter().find(|(name, _)| name == first) else { return false };
    println!("{}", measure(&Arguments::parse(rest)));
    true
}

impl Arguments {
    fn parse(arguments: &[String]) -> Self {
        let [folder, state, messages, seconds] = arguments else { panic!("a folder, a state, and two numbers") };
        Self {
            folder: folder.into(),
            state: state.into(),
            messages: messages.parse().expect("a number"),
            seconds: seconds.parse().expect("a number"),
        }
    }
}

impl Child {
    /// Starts a measurement.
    pub(crate) fn start(measurement: &str, arguments: &Arguments) -> Self {
        let Arguments { folder, state, messages, seconds } = arguments;
        let process = Command::new(env::current_exe().expect("this program has a path"))
            .args([INSIDE, measurement])
            .args([folder, state].map(Path::new))
            .args([messages.to_string(), seconds.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        Self { process }
    }

    /// Waits for the figure.
    pub(crate) fn figure(self) -> f64 {
        let output = self.process.wait_with_output().expect("the child is there");
        assert!(output.status.success(), "a child has failed: {}", output.status);
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_arguments_start_no_measurement() {
        let of = |arguments: &[&str]| arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>();
        let measurements: &[Measurement] = &[("--children", |_| 1.0)];
        assert!(!answer(&[], measurements) && !answer(&of(&["--quick"]), measurements));
        let parsed = Arguments::parse(&of(&["folder", "state", "7", "60"]));
        assert!(parsed.folder == Path::new("folder") && parsed.state == Path::new("state"));
        assert_eq!((parsed.messages, parsed.seconds), (7, 60));
    }
}
