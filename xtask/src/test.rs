//! `cargo xtask test`: every test of the workspace, with every feature.

use crate::call::Call;
use crate::failure::Failure;

/// Runs all tests; `arguments` go to `cargo test` as they are.
///
/// One failing test does not keep the others from running, so that one run tells everything.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    call(arguments).run()
}

/// The call that `run` makes; `ci` shows it as the way to repeat its step.
pub(crate) fn call(arguments: &[String]) -> Call {
    let scope: &[&str] = if choose_packages(arguments) { &["test"] } else { &["test", "--workspace"] };
    let call = Call::cargo(&[scope, &["--all-features", "--no-fail-fast"]].concat());
    arguments.iter().fold(call, |call, argument| call.argument(argument))
}

/// Beside `--workspace`, cargo ignores `-p` without a word.
fn choose_packages(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arguments: &[&str]) -> String {
        let arguments: Vec<_> = arguments.iter().map(|&a| a.to_owned()).collect();
        call(&arguments).line()
    }

    #[test]
    fn arguments_pass_through_unchanged() {
        assert_eq!(
            line(&["golden", "--", "--nocapture", "-p"]),
            "cargo test --workspace --all-features --no-fail-fast golden -- --nocapture -p"
        );
    }

    #[test]
    fn chosen_packages_replace_the_workspace() {
        for chosen in [&["-p", "tempo-clock"][..], &["--package=tempo-clock"]] {
            let expected = format!("cargo test --all-features --no-fail-fast {}", chosen.join(" "));
            assert_eq!(line(chosen), expected);
        }
    }
}
