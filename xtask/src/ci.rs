//! `cargo xtask ci`: everything a change must pass, cheap steps first.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::failure::Failure;
use crate::{crash, cross, field, lab, layers, page, reader, test, tidy, windows};

/// Runs every step in order, stops at the first that does not pass, and ends with a table of times.
pub(crate) fn run() -> Result<(), Failure> {
    let (ran, result) = run_in_order(&steps());
    println!("\n{}", table(&ran));
    result
}

/// One thing that must hold.
struct Step {
    name: &'static str,
    /// The command that runs this step alone.
    repeat: String,
    run: Box<dyn Fn() -> Result<(), Failure>>,
}

impl Step {
    fn call(name: &'static str, call: Call) -> Self {
        Self { name, repeat: call.line(), run: Box::new(move || call.run()) }
    }

    fn ours(name: &'static str, run: fn() -> Result<(), Failure>) -> Self {
        Self { name, repeat: format!("cargo xtask {name}"), run: Box::new(run) }
    }
}

fn steps() -> Vec<Step> {
    vec![
        Step::call("fmt", Call::cargo(&["fmt", "--all", "--check"])),
        Step::ours("tidy", tidy::run),
        Step::ours("layers", layers::run),
        Step::call("clippy", clippy()),
        Step::call("no_std tempo-clock", without_std("tempo-clock")),
        Step::call("no_std tempo-message", without_std("tempo-message")),
        Step::call("test", test::call(&[])),
        Step::ours("macos", cross::macos),
        // A busy machine needs longer than a person would wait.
        Step::ours("windows", || windows::run(&["--seconds".to_owned(), "180".to_owned()])),
        Step::call("doc", doc()),
        Step::ours("reader", reader::run),
        Step::ours("page", || page::run(&[])),
        Step::ours("crash", || crash::run(&["--quick".to_owned()])),
        Step::ours("field", || field::run(&[])),
        Step { name: "lab", repeat: format!("cargo xtask lab {}", LAB.join(" ")), run: Box::new(short_lab) },
    ]
}

/// About two minutes over a real engine.
const LAB: &[&str] = &[
    "--engine",
    "syncthing",
    "--scenario",
    "calm",
    "--scenario",
    "partition",
    "--scenario",
    "clone",
    "--seconds",
    "15",
];

fn short_lab() -> Result<(), Failure> {
    let arguments: Vec<String> = LAB.iter().map(|&argument| argument.to_owned()).collect();
    match lab::run(&arguments) {
        Err(missing @ Failure::Missing { .. }) => Err(Failure::Skipped { why: missing.to_string() }),
        other => other,
    }
}

fn clippy() -> Call {
    Call::cargo(&["clippy", "--workspace", "--all-targets", "--all-features"])
        .argument("--")
        .argument("-D")
        .argument("warnings")
}

/// With its default features off, a crate that is `no_std` must build.
fn without_std(package: &str) -> Call {
    Call::cargo(&["build", "-p", package, "--no-default-features"])
}

fn doc() -> Call {
    Call::cargo(&["doc", "--workspace", "--no-deps", "--all-features"]).environment("RUSTDOCFLAGS", "-D warnings")
}

/// A step that ran: its name, its time, and how it ended.
type Ran = (&'static str, Duration, &'static str);

/// The steps that ran, and how it ended.
fn run_in_order(steps: &[Step]) -> (Vec<Ran>, Result<(), Failure>) {
    let mut ran = Vec::new();
    for step in steps {
        println!("\n== {}", step.name);
        let start = Instant::now();
        let result = (step.run)();
        let verdict = match &result {
            Ok(()) => "ok",
            Err(Failure::Skipped { .. }) => "skipped",
            Err(_) => "FAILED",
        };
        ran.push((step.name, start.elapsed(), verdict));
        match result {
            Ok(()) => {}
            Err(skipped @ Failure::Skipped { .. }) => println!("{skipped}"),
            Err(source) => {
                let failure = Failure::Step { step: step.name, repeat: step.repeat.clone(), source: Box::new(source) };
                return (ran, Err(failure));
            }
        }
    }
    (ran, Ok(()))
}

fn table(ran: &[Ran]) -> String {
    let width = ran.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max("total".len());
    let mut table = String::new();
    for (name, time, verdict) in ran {
        // Writing into a string cannot fail.
        let _ = writeln!(table, "{name:width$} {:8.1} s  {verdict}", time.as_secs_f64());
    }
    let total: Duration = ran.iter().map(|(_, time, _)| *time).sum();
    let _ = write!(table, "{:width$} {:8.1} s", "total", total.as_secs_f64());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSES: fn() -> Result<(), Failure> = || Ok(());
    const SAYS_NO: fn() -> Result<(), Failure> = || Err(Failure::Findings { check: "second", count: 2 });

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [Step::ours("first", PASSES), Step::ours("second", SAYS_NO), Step::ours("third", PASSES)];
        let (ran, result) = run_in_order(&steps);
        assert_eq!(ran.len(), 2, "the third step does not run");
        let failure = result.unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        let text = failure.to_string();
        assert!(text.contains("step `second`"), "{text}");
        assert!(text.contains("cargo xtask second"), "{text}");
        let table = table(&ran);
        assert!(table.contains("ok\nsecond") && table.contains("FAILED\ntotal"), "{table}");
    }

    #[test]
    fn all_steps_run_when_all_pass() {
        let (ran, result) = run_in_order(&[Step::ours("first", PASSES), Step::ours("second", PASSES)]);
        result.unwrap();
        let names: Vec<_> = ran.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, ["first", "second"]);
        assert!(!table(&ran).contains("FAILED"));
    }

    #[test]
    fn what_is_skipped_is_not_called_ok() {
        let skips = || Err(Failure::Skipped { why: "no tool".to_owned() });
        let (ran, result) = run_in_order(&[Step::ours("first", skips), Step::ours("second", PASSES)]);
        result.unwrap();
        let table = table(&ran);
        assert!(table.contains("skipped\nsecond") && !table.contains("FAILED"), "{table}");
    }

    #[test]
    fn every_step_can_be_repeated_alone() {
        let repeats: Vec<_> = steps().into_iter().map(|step| step.repeat).collect();
        assert_eq!(
            repeats,
            [
                "cargo fmt --all --check",
                "cargo xtask tidy",
                "cargo xtask layers",
                "cargo clippy --workspace --all-targets --all-features -- -D warnings",
                "cargo build -p tempo-clock --no-default-features",
                "cargo build -p tempo-message --no-default-features",
                "cargo test --workspace --all-features --no-fail-fast",
                "cargo xtask macos",
                "cargo xtask windows",
                "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features",
                "cargo xtask reader",
                "cargo xtask page",
                "cargo xtask crash",
                "cargo xtask field",
                "cargo xtask lab --engine syncthing --scenario calm --scenario partition --scenario clone --seconds 15",
            ]
        );
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
