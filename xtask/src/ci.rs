//! `cargo xtask ci`: everything a change must pass, cheap steps first.

use std::time::{Duration, Instant};

use crate::call::Call;
use crate::failure::Failure;
use crate::table;

/// The steps, each with the command line that repeats it alone.
pub(crate) const STEPS: &[(&str, &str)] = &[
    ("fmt", "cargo fmt --all --check"),
    ("tidy", "cargo xtask tidy"),
    ("book", "cargo xtask book"),
    ("layers", "cargo xtask layers"),
    ("circles", "cargo xtask circles"),
    ("clippy", "cargo clippy --all-targets --all-features -- -D warnings"),
    (
        "fence",
        "CLIPPY_CONF_DIR=xtask/fence cargo clippy --no-deps --lib --all-features -p tempo-clock -p tempo-message -p tempo-session \
         -- -A clippy::pedantic -D clippy::disallowed_methods -D clippy::disallowed_types",
    ),
    ("features", "cargo xtask features"),
    ("test", "cargo xtask test"),
    // Built together with the simulator, every crate would contain the defects that the simulator plants.
    ("test as released", "cargo test --no-fail-fast -p tempo-clock -p tempo-message -p tempo-fs-transport"),
    ("test the session as released", "cargo test -p tempo-session --lib"),
    ("macos", "cargo xtask macos"),
    // A busy machine needs longer than a person would wait.
    ("windows", "cargo xtask windows --seconds 180"),
    ("doc", "RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --all-features"),
    ("reader", "cargo xtask reader"),
    ("page", "cargo xtask page"),
    // Builds webkit's bindings, some minutes the first time.
    ("desktop", "cargo xtask desktop"),
    ("crash", "cargo xtask crash --quick"),
    ("field", "cargo xtask field"),
    // Takes about two minutes over a real engine.
    ("lab", "cargo xtask lab --engine syncthing --scenario calm --scenario partition --scenario clone --seconds 15"),
];

/// Runs a command of ours by its words.
type Xtask = fn(&[&str]) -> Result<(), Failure>;

/// Runs every step in order, stops at the first that does not pass, and ends with a table of times.
pub(crate) fn run(xtask: Xtask) -> Result<(), Failure> {
    let (ran, result) = run_in_order(STEPS, |line| run_line(line, xtask));
    println!("\n{}", table(&ran));
    result
}

/// Runs a line as a person would. Our own commands run in this process, because an exit code does not tell
/// what was skipped.
fn run_line(line: &str, xtask: Xtask) -> Result<(), Failure> {
    let words = line.split_whitespace();
    let variables = words.clone().map_while(|word| word.split_once('='));
    // The word `cargo` follows.
    let words: Vec<&str> = words.skip(variables.clone().count() + 1).collect();
    if words.first() == Some(&"xtask") {
        return xtask(&words);
    }
    variables.fold(Call::cargo(&words), |call, (name, value)| call.environment(name, value)).run()
}

/// A step that ran: its name, its time, and how it ended.
type Ran = (&'static str, Duration, &'static str);

/// Returns the steps that ran, and how the last one ended.
fn run_in_order(
    steps: &[(&'static str, &'static str)],
    run: impl Fn(&str) -> Result<(), Failure>,
) -> (Vec<Ran>, Result<(), Failure>) {
    let mut ran = Vec::new();
    for &(name, line) in steps {
        println!("\n== {name}");
        let start = Instant::now();
        let result = run(line);
        let verdict = match &result {
            Ok(()) => "ok",
            Err(Failure::Skipped { .. } | Failure::Missing { .. }) => "skipped",
            Err(_) => "FAILED",
        };
        ran.push((name, start.elapsed(), verdict));
        match result {
            Err(source) if verdict == "FAILED" => {
                return (ran, Err(Failure::Step { step: name, repeat: line, source: Box::new(source) }));
            }
            Err(skipped) => println!("{skipped}"),
            Ok(()) => {}
        }
    }
    (ran, Ok(()))
}

fn table(ran: &[Ran]) -> String {
    let total = ran.iter().map(|(_, time, _)| *time).sum();
    let rows = ran.iter().copied().chain([("total", total, "")]);
    let row =
        |(name, time, verdict): Ran| [name.to_owned(), format!("{:.1} s", time.as_secs_f64()), verdict.to_owned()];
    table::plain(rows.map(row), "lr")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses the line of a step as its result.
    fn pretend(line: &str) -> Result<(), Failure> {
        match line {
            "passes" => Ok(()),
            "skips" => Err(Failure::Skipped { why: "no tool".to_owned() }),
            _ => Err(Failure::Findings { check: "second", count: 2 }),
        }
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [("first", "passes"), ("second", "says no"), ("third", "passes")];
        let (ran, result) = run_in_order(&steps, pretend);
        assert_eq!(ran.len(), 2, "the third step does not run");
        let failure = result.unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        let text = failure.to_string();
        assert!(text.contains("step `second`") && text.ends_with("says no"), "{text}");
        assert!(table(&ran).contains("FAILED\ntotal"), "{}", table(&ran));
    }

    #[test]
    fn a_skipped_step_is_not_called_ok_and_ends_nothing() {
        let (ran, result) = run_in_order(&[("first", "skips"), ("second", "passes")], pretend);
        result.unwrap();
        assert!(table(&ran).contains("skipped\nsecond") && !table(&ran).contains("FAILED"), "{}", table(&ran));
    }

    #[test]
    fn the_workflow_runs_what_the_readme_names_with_the_oldest_rust() {
        let read = |name: &str| std::fs::read_to_string(crate::workspace::root().join(name)).unwrap();
        let (workflow, readme, manifest) = (read(".github/workflows/ci.yml"), read("README.md"), read("Cargo.toml"));
        for command in ["cargo tempo demo", "cargo xtask test"] {
            assert!(readme.contains(command) && workflow.contains(&format!("- run: {command}\n")), "{command}");
        }
        let oldest = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
        assert!(workflow.contains(&format!("rust: [stable, {oldest}]")), "{oldest}");
    }
}
