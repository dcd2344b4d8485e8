//! `cargo xtask golden`: the frames whose bytes are written down.

use crate::call::Call;
use crate::failure::Failure;

const TESTDATA: &str = "tempo-message/testdata";

/// Runs the golden tests; with `--bless` they write the files anew instead of comparing, and the changes are listed.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let bless = match arguments {
        [] => false,
        [flag] if flag == "--bless" => true,
        other => {
            return Err(Failure::usage(format!(
                "`golden` takes --bless or nothing, and there is `{}`",
                other.join(" ")
            )));
        }
    };
    let tested = test_call(bless).run();
    if bless {
        // Also after a failure: what was written until then is on the disk.
        show_changes()?;
    }
    tested
}

fn test_call(bless: bool) -> Call {
    let call = Call::cargo(&["test", "-p", "tempo-message", "--all-features", "golden"]);
    if bless { call.environment("TEMPO_BLESS", "1") } else { call }
}

fn show_changes() -> Result<(), Failure> {
    let status = Call::program("git", &["status", "--short", "--", TESTDATA]);
    println!("\n$ {}", status.line());
    let changes = status.answer()?;
    if changes.is_empty() {
        println!("nothing changed in {TESTDATA}");
    } else {
        print!("{}", String::from_utf8_lossy(&changes));
        println!("Old readers see these bytes too: look at `git diff -- {TESTDATA}` before you commit.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bless_sets_the_variable() {
        let compare = "cargo test -p tempo-message --all-features golden";
        assert_eq!(test_call(false).line(), compare);
        assert_eq!(test_call(true).line(), format!("TEMPO_BLESS=1 {compare}"));
    }

    #[test]
    fn a_misspelled_flag_runs_nothing() {
        let failure = run(&["--blessed".to_owned()]).unwrap_err();
        assert!(matches!(failure, Failure::Usage { .. }), "{failure}");
    }
}
