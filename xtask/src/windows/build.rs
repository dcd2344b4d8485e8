//! The programs for Windows: the test binaries, the `tempo` command, and a program that keeps a file to itself.

use std::path::PathBuf;

use super::options::PACKAGES;
use crate::call::{Executable, executables};
use crate::cross::Cross;
use crate::failure::Failure;

/// The programs to run under Wine.
#[derive(Debug)]
pub(super) struct Built {
    /// The test binaries.
    pub(super) tests: Vec<Executable>,
    /// The `tempo` command.
    pub(super) tempo: PathBuf,
    /// The example `hold` of xtask.
    pub(super) hold: PathBuf,
}

/// Builds all of them, and the examples that tests start.
pub(super) fn build(cross: &Cross) -> Result<Built, Failure> {
    let call = |command| cross.cargo(command).arguments(&["--message-format", "json-render-diagnostics"]);
    let packages: Vec<&str> = PACKAGES.iter().flat_map(|package| ["--package", package]).collect();
    let tests = call("test").arguments(&["--no-run", "--all-features"]).arguments(&packages);
    let tests = executables(&tests.told()?);
    let examples = executables(&call("build").arguments(&["--package", "xtask", "--example", "hold"]).told()?);
    let program = |built: &[Executable], kind: &str, name: &str| {
        let found = built.iter().find(|it| it.kind == kind && it.name == name && !it.is_test);
        let missing = || Failure::Unanswered { command: "cargo".to_owned(), why: format!("{name} was not built") };
        found.map(|it| it.path.clone()).ok_or_else(missing)
    };
    let tempo = program(&tests, "bin", "tempo")?;
    let hold = program(&examples, "example", "hold")?;
    Ok(Built { tests: tests.into_iter().filter(|it| it.is_test).collect(), tempo, hold })
}
