//! The programs for Windows: the test binaries, the `tempo` command, and a program that keeps a file to itself.

use std::path::PathBuf;

use super::options::{Options, PACKAGES, Part};
use crate::call::{Call, Executable, executables};
use crate::cross::Cross;
use crate::failure::Failure;

/// The programs to run under Wine.
#[derive(Debug)]
pub(super) struct Built {
    /// The test binaries of the chosen packages.
    pub(super) tests: Vec<Executable>,
    /// The programs of the scenes, if these are chosen.
    pub(super) programs: Option<Programs>,
}

/// The programs of the scenes.
#[derive(Debug)]
pub(super) struct Programs {
    /// The `tempo` command.
    pub(super) tempo: PathBuf,
    /// The example `hold` of xtask.
    pub(super) hold: PathBuf,
}

/// Builds what the chosen parts need. With the tests, cargo builds the command and the examples that they start.
pub(super) fn build(cross: &Cross, options: &Options) -> Result<Built, Failure> {
    let call = |command: &str| cross.cargo(command).arguments(&["--message-format", "json-render-diagnostics"]);
    let packages = PACKAGES.into_iter().filter(|package| options.wants_suite(package));
    let packages: Vec<&str> = packages.flat_map(|package| ["--package", package]).collect();
    let mut built = Vec::new();
    if !packages.is_empty() {
        let tests = call("test").arguments(&["--no-run", "--all-features"]).arguments(&packages);
        built = executables(&tests.told()?);
    }
    let programs = if options.wants(Part::Scenes) { Some(programs(&built, &call)?) } else { None };
    Ok(Built { tests: built.into_iter().filter(|it| it.is_test).collect(), programs })
}

fn programs(built: &[Executable], call: &dyn Fn(&str) -> Call) -> Result<Programs, Failure> {
    let program = |kind: &str, name: &str, package: &[&str]| {
        let find = |built: &[Executable]| {
            let found = built.iter().find(|it| it.kind == kind && it.name == name && !it.is_test);
            found.map(|it| it.path.clone())
        };
        if let Some(found) = find(built) {
            return Ok(found);
        }
        let call = call("build").arguments(package).arguments(&[&format!("--{kind}"), name]);
        let missing = || Failure::Unanswered { command: call.line(), why: format!("it names no `{name}`") };
        find(&executables(&call.told()?)).ok_or_else(missing)
    };
    Ok(Programs {
        tempo: program("bin", "tempo", &["--package", "tempo-session", "--all-features"])?,
        hold: program("example", "hold", &["--package", "xtask"])?,
    })
}
