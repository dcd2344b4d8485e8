//! `cargo xtask golden`: the frames whose bytes are frozen.

use crate::call::Call;
use crate::failure::Failure;

/// The arguments of `golden`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rewrite the frames instead of comparing them, and list the changes
    #[arg(long)]
    bless: bool,
}

const TESTDATA: &str = "tempo-message/testdata";

/// Runs the golden tests.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let test = Call::cargo(&["test", "-p", "tempo-message", "--all-features", "golden"]);
    if !options.bless {
        return test.run();
    }
    let tested = test.environment("TEMPO_BLESS", "1").run();
    // The list is also printed after a failure: the frames written before the failure are on the disk.
    let status = Call::program("git", &["status", "--short", "--", TESTDATA]);
    println!("\n$ {}", status.line());
    let changes = status.answer()?;
    if changes.is_empty() {
        println!("nothing changed in {TESTDATA}");
    } else {
        print!("{}", String::from_utf8_lossy(&changes));
        println!("Old readers see these bytes too: look at `git diff -- {TESTDATA}` before you commit.");
    }
    tested
}
