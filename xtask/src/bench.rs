//! `cargo xtask bench`: what things cost, beside the floors and beside what others offer.
//!
//! The measuring is done by the program `tempo-bench`, because nothing here depends on a crate of the workspace.

use std::path::absolute;

use crate::call::Call;
use crate::failure::Failure;

/// Builds and runs the benchmarks. The call is checked before anything is built, which takes minutes the first time.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    bench_call(arguments)?.run()
}

fn bench_call(arguments: &[String]) -> Result<Call, Failure> {
    let mut call = Call::cargo(&["run", "--release", "-p", "tempo-bench", "--"]);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        call = call.argument(argument);
        match argument.as_str() {
            "growth" | "--quick" => {}
            "--json" | "--svg" | "--only" => {
                let value = arguments.next().ok_or_else(|| Failure::usage(format!("what comes after {argument}?")))?;
                call = call.argument(&if argument == "--only" { value.clone() } else { from_here(value)? });
            }
            other => {
                return Err(Failure::usage(format!(
                    "`bench` takes growth, --quick, --json FILE, --svg FILE and --only ROW, and there is `{other}`"
                )));
            }
        }
    }
    Ok(call)
}

/// The file as whoever calls means it: programs are run in the workspace's root.
fn from_here(file: &str) -> Result<String, Failure> {
    let here = absolute(file).map_err(|source| Failure::Unreadable { path: file.into(), source })?;
    here.to_str().map(str::to_owned).ok_or_else(|| Failure::usage(format!("{} is not valid UTF-8", here.display())))
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    fn line(arguments: &[&str]) -> Result<String, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        bench_call(&arguments).map(|call| call.line())
    }

    #[test]
    fn arguments_go_to_the_program() {
        let program = "cargo run --release -p tempo-bench --";
        assert_eq!(line(&[]).unwrap(), program);
        assert_eq!(
            line(&["growth", "--quick", "--only", "send"]).unwrap(),
            format!("{program} growth --quick --only send")
        );
    }

    /// Tests run in the directory of the crate, and the program does not.
    #[test]
    fn files_are_where_the_caller_is() {
        let line = line(&["--json", "figures.json"]).unwrap();
        let file = env::current_dir().unwrap().join("figures.json");
        assert!(line.ends_with(&format!("--json {}", file.display())), "{line}");
    }

    #[test]
    fn what_makes_no_sense_builds_nothing() {
        for arguments in [&["--fast"][..], &["--svg"], &["grow"]] {
            let failure = line(arguments).unwrap_err();
            assert!(matches!(failure, Failure::Usage { .. }), "{arguments:?}: {failure}");
        }
    }
}
