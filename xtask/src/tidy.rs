//! `cargo xtask tidy`: the rules of this repository that no compiler checks.
//!
//! A check is a function from a file to findings, and [`CHECKS`] lists them all. What a check needs to know of Rust it
//! learns from [`SourceFile::code`], where comments and literals are blank.

mod code;
mod fence;
mod files;
mod forbidden;
mod lib_rs;
mod manifest;
mod shape;
mod source;
mod spelling;
mod text;

use std::path::Path;

use crate::failure::Failure;
use crate::workspace;
use source::{Finding, SourceFile};

/// Runs every check over every file of the repository and prints the findings.
pub(crate) fn run() -> Result<(), Failure> {
    let root = workspace::root();
    let (count, findings) = look_at(&root)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {count} files, nothing to mend");
        return Ok(());
    }
    Err(Failure::Findings { check: "tidy", count: findings.len() })
}

type Check = fn(&SourceFile) -> Vec<Finding>;
type TreeCheck = fn(&[SourceFile]) -> Vec<Finding>;

/// The checks that need one file at a time.
const CHECKS: &[Check] = &[
    shape::length,
    shape::module_doc,
    lib_rs::only_a_table_of_contents,
    forbidden::leftovers,
    forbidden::sleeps,
    fence::file_system,
    fence::no_std,
    manifest::tables,
    text::line_ends,
    text::tabs,
    text::machine_paths,
    spelling::british,
];

/// The checks that need to know which files there are.
const TREE_CHECKS: &[TreeCheck] = &[manifest::readmes];

/// How many files there are, and the findings in the order of the paths.
fn look_at(root: &Path) -> Result<(usize, Vec<Finding>), Failure> {
    let files = files::of(root)?;
    let one_by_one = files.iter().flat_map(|file| CHECKS.iter().flat_map(move |check| check(file)));
    let as_a_whole = TREE_CHECKS.iter().flat_map(|check| check(&files));
    let mut findings: Vec<_> = one_by_one.chain(as_a_whole).collect();
    findings.sort();
    Ok((files.len(), findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let (count, findings) = look_at(&workspace::root()).unwrap();
        assert!(count > 10, "only {count} files: the listing is broken");
        let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
