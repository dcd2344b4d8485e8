//! A call of another program: the line that a person would type, and the ways to run it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};

use serde_json::Value;

use crate::failure::Failure;
use crate::workspace;

/// A program with its arguments, to be run in the workspace's root.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    program: OsString,
    shown_program: &'static str,
    /// Whether to run where the caller is instead of in the workspace's root.
    is_here: bool,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    removed: Vec<&'static str>,
}

impl Call {
    /// Returns a call of the cargo that runs us, so that the toolchain stays the same.
    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self { program, ..Self::program("cargo", arguments) }
    }

    /// Returns a call of a program on the search path. `cargo +nightly` needs this: only rustup's `cargo`
    /// understands `+`.
    pub(crate) fn program(program: &'static str, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            shown_program: program,
            is_here: false,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Adds one argument.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Adds several arguments.
    pub(crate) fn arguments<T: AsRef<str>>(mut self, arguments: &[T]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Runs the program where the caller is.
    pub(crate) fn here(self) -> Self {
        Self { is_here: true, ..self }
    }

    /// Sets an environment variable for the program.
    pub(crate) fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Removes an environment variable for the program.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.removed.push(name);
        self
    }

    /// Returns the call as a person would type it.
    pub(crate) fn line(&self) -> String {
        let environment = self.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        environment
            .chain([self.shown_program.to_owned()])
            .chain(self.arguments.iter().map(|argument| quoted(argument)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Prints the line and runs it with our input and output.
    ///
    /// # Errors
    ///
    /// `Failed` when the program fails, `NotStarted` when there is no such program.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let status = self.status()?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Failed { command: self.line(), status: status.to_string() })
    }

    /// Prints the line, runs it with our input and output, and leaves the judgment to the caller.
    pub(crate) fn status(&self) -> Result<ExitStatus, Failure> {
        eprintln!("$ {}", self.line());
        self.command().status().map_err(|source| self.not_started(source))
    }

    /// Runs the call in silence and returns its standard output.
    ///
    /// # Errors
    ///
    /// `Unanswered` with what the program wrote to standard error, `NotStarted` when there is no such program.
    pub(crate) fn answer(&self) -> Result<Vec<u8>, Failure> {
        let Output { status, stdout, stderr } = self.command().output().map_err(|source| self.not_started(source))?;
        if status.success() {
            return Ok(stdout);
        }
        Err(Failure::Unanswered {
            command: self.line(),
            why: format!("{status}: {}", String::from_utf8_lossy(&stderr).trim()),
        })
    }

    /// Prints the line, runs it with our standard error, and returns its standard output.
    ///
    /// # Errors
    ///
    /// `Failed` when the program fails, `NotStarted` when there is no such program.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(crate) fn told(&self) -> Result<Vec<u8>, Failure> {
        eprintln!("$ {}", self.line());
        let mut command = self.command();
        let output =
            command.stderr(std::process::Stdio::inherit()).output().map_err(|source| self.not_started(source))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(Failure::Failed { command: self.line(), status: output.status.to_string() })
    }

    /// Returns the call as a command.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // `cargo run` describes xtask itself in these variables; the child's build scripts would take them
        // for changes.
        for (name, _) in env::vars_os() {
            let shown = name.to_string_lossy();
            if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        for name in &self.removed {
            command.env_remove(name);
        }
        let paths = env::var_os("PATH").unwrap_or_default();
        if let Ok(paths) = env::join_paths([workspace::tools().join("bin")].into_iter().chain(env::split_paths(&paths)))
        {
            command.env("PATH", paths);
        }
        if !self.is_here {
            command.current_dir(workspace::root());
        }
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(&self.arguments).envs(environment);
        command
    }

    fn not_started(&self, source: std::io::Error) -> Failure {
        Failure::NotStarted { command: self.line(), source }
    }
}

/// Builds the `tempo` command and returns its path.
pub(crate) fn build_tempo() -> Result<PathBuf, Failure> {
    let call = Call::cargo(&["build", "--quiet", "--package", "tempo-session", "--features", "cli", "--bin", "tempo"]);
    call.run()?;
    let call = call.argument("--message-format=json");
    let missing = || Failure::Unanswered { command: call.line(), why: "it names no executable".to_owned() };
    executables(&call.answer()?).pop().map(|built| built.path).ok_or_else(missing)
}

/// A program that cargo has built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    /// The directory of its package.
    pub(crate) package: PathBuf,
    /// The name of its target, such as `it`.
    pub(crate) name: String,
    /// The kind of its target, such as `bin`.
    pub(crate) kind: String,
    /// Whether it runs tests.
    pub(crate) is_test: bool,
}

/// Returns the programs that cargo names with `--message-format=json`.
pub(crate) fn executables(messages: &[u8]) -> Vec<Executable> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let target = message.get("target")?;
        Some(Executable {
            path: text(message.get("executable"))?.into(),
            package: PathBuf::from(text(message.get("manifest_path"))?).parent()?.to_owned(),
            name: text(target.get("name"))?,
            kind: text(target.get("kind")?.get(0))?,
            is_test: message.get("profile")?.get("test")?.as_bool()?,
        })
    };
    String::from_utf8_lossy(messages).lines().filter_map(executable).collect()
}

/// Quotes a word so that a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+=./:,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_can_be_pasted_into_a_shell() {
        let call = Call::cargo(&["doc", "--no-deps"]).argument("it's").environment("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(call.line(), r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\''s'");
    }

    #[test]
    fn cargo_names_the_programs_that_it_built() {
        let messages = br#"{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"kind":["lib"],"name":"a"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"kind":["test"],"name":"it"},"profile":{"test":true},"executable":"/t/it.exe"}
{"reason":"build-finished","success":true}
"#;
        let it = Executable {
            path: "/t/it.exe".into(),
            package: "/w/a".into(),
            name: "it".to_owned(),
            kind: "test".to_owned(),
            is_test: true,
        };
        assert_eq!(executables(messages), [it]);
    }

    #[test]
    fn a_failing_program_is_a_negative_answer() {
        let failure = Call::cargo(&["no-such-command-of-cargo"]).run().unwrap_err();
        assert_eq!(failure.exit_code(), 1, "{failure}");
    }

    #[test]
    fn a_missing_answer_says_why() {
        let failure = Call::cargo(&["no-such-command-of-cargo"]).answer().unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("no such command"), "{failure}");
    }

    #[test]
    fn a_missing_program_could_not_look() {
        let failure = Call::program("xtask-no-such-program", &[]).run().unwrap_err();
        assert!(matches!(failure, Failure::NotStarted { .. }), "{failure}");
        assert_eq!(failure.exit_code(), 2);
    }
}
