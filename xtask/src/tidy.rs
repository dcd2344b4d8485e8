//! `cargo xtask tidy`: checks the spelling, with typos, and the length of the source files, which no tool
//! checks.

use std::fs;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use crate::call::Call;
use crate::failure::Failure;
use crate::tools::{self, TYPOS};
use crate::workspace;

/// The longest Rust file, in lines.
const LONGEST: usize = 500;
/// The shortest module, in lines. A `lib.rs` may be shorter, because its text may be in the README, and so
/// may a `mod.rs` that only names other modules.
const SHORTEST: usize = 30;

/// Checks the whole repository and prints the findings.
pub(crate) fn run() -> Result<(), Failure> {
    let wrong = wrong_lengths(&workspace::root());
    for finding in &wrong {
        println!("{finding}");
    }
    tools::install(&TYPOS)?;
    Call::program("typos", &[]).run()?;
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Findings { check: "tidy", count: wrong.len() }) }
}

fn wrong_lengths(root: &Path) -> Vec<String> {
    let is_ours = |entry: &DirEntry| entry.file_name() != "target";
    let files = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_ours).filter_map(Result::ok);
    let paths = files.map(DirEntry::into_path).filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let wrong = paths.filter_map(|path| {
        let lines = fs::read_to_string(&path).ok()?.lines().count();
        let is_list = path.ends_with("lib.rs") || path.ends_with("mod.rs");
        let is_module = path.iter().any(|part| part == "src") && !is_list;
        let limits = if is_module { SHORTEST..=LONGEST } else { 0..=LONGEST };
        let shown = path.strip_prefix(root).unwrap_or(&path).display();
        (!limits.contains(&lines)).then(|| format!("{shown}: {lines} lines, not {} to {LONGEST}", limits.start()))
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_too_long_or_too_short() {
        let wrong = wrong_lengths(&workspace::root());
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn both_limits_are_checked() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, lines: usize| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "\n".repeat(lines)).unwrap();
        };
        write("a/src/b.rs", 29);
        write("a/tests/c.rs", 501);
        for (name, lines) in [("a/src/lib.rs", 2), ("a/tests/d.rs", 9), ("target/e.rs", 501)] {
            write(name, lines);
        }
        assert_eq!(
            wrong_lengths(root.path()),
            ["a/src/b.rs: 29 lines, not 30 to 500", "a/tests/c.rs: 501 lines, not 0 to 500"]
        );
    }

    #[test]
    fn the_two_lowest_crates_need_no_operating_system() {
        for name in ["tempo-clock", "tempo-message"] {
            let text = fs::read_to_string(workspace::root().join(name).join("src/lib.rs")).unwrap();
            assert!(text.lines().any(|line| line.starts_with("#![") && line.contains("no_std")), "{name}");
        }
    }
}
