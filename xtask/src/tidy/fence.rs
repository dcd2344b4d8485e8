//! Which crates stay away from the file system, and which from the standard library.

use super::code::mentions;
use super::source::{Finding, SourceFile};

/// Source that must not name the file system, except for what stands in the second column.
const WITHOUT_FILE_SYSTEM: &[(&str, &str)] =
    &[("tempo-clock/src/", ""), ("tempo-message/src/", ""), ("tempo-session/src/", "tempo-session/src/bin/")];

const WITHOUT_STD: &[&str] = &["tempo-clock/src/lib.rs", "tempo-message/src/lib.rs"];

/// Only tempo-fs-transport names `std::fs` or `notify`, so that everything else runs on a simulated disk.
pub(super) fn file_system(file: &SourceFile) -> Vec<Finding> {
    let fenced = WITHOUT_FILE_SYSTEM
        .iter()
        .any(|(inside, except)| file.path.starts_with(inside) && (except.is_empty() || !file.path.starts_with(except)));
    if !fenced || !file.is("rs") {
        return Vec::new();
    }
    let named = file
        .code_lines()
        .filter(|(_, line)| mentions(line, "std::fs") || mentions(line, "notify::"))
        .map(|(number, _)| number);
    named
        .chain(grouped_imports(&file.code))
        .map(|number| {
            file.finding(number, "only tempo-fs-transport may name `std::fs` or `notify`; ask it for what you need")
        })
        .collect()
}

/// The crates that must run without an operating system say so.
pub(super) fn no_std(file: &SourceFile) -> Vec<Finding> {
    if !WITHOUT_STD.contains(&file.path.as_str()) || mentions(&file.code, "no_std") {
        return Vec::new();
    }
    vec![file.finding(1, "not `no_std`; add `#![no_std]`, this crate has no operating system")]
}

/// The lines where `fs` stands in `std::{…}`.
fn grouped_imports(code: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for (at, group) in code.match_indices("std::{") {
        let (before, rest) = code.split_at(at + group.len());
        let first = before.matches('\n').count() + 1;
        let mut depth = 1_usize;
        let inside = rest.split(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        let inside = inside.into_iter().next().unwrap_or(rest);
        let with_fs = (first..).zip(inside.lines()).filter(|(_, line)| mentions(line, "fs"));
        lines.extend(with_fs.map(|(number, _)| number));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let findings = file_system(&SourceFile::new(path, text));
        findings.iter().map(Finding::line).collect()
    }

    #[test]
    fn the_file_system_is_found_in_every_manner_of_naming_it() {
        for path in ["tempo-clock/src/a.rs", "tempo-message/src/b/c.rs", "tempo-session/src/pump.rs"] {
            assert_eq!(lines(path, "\nuse std::fs;\n"), [2]);
            assert_eq!(lines(path, "\nlet x = std::fs::read(y);\n"), [2]);
            assert_eq!(lines(path, "\nuse std::{\n    io::{self, Read},\n    fs,\n};\n"), [4]);
            assert_eq!(lines(path, "\nuse std::{fs::File, io};\n"), [2]);
            assert_eq!(lines(path, "\nuse notify::Watcher;\n"), [2]);
        }
    }

    #[test]
    fn docs_other_names_and_other_places_are_free() {
        let good = "//! No `std::fs`.\nuse std::{io, path::Path};\nlet fs = x;\nfs_notify::y();\n";
        assert!(lines("tempo-session/src/pump.rs", good).is_empty());
        let bad = "use std::fs;\nuse notify::Watcher;\n";
        for path in [
            "tempo-session/src/bin/tempo.rs",
            "tempo-session/tests/it/main.rs",
            "tempo-fs-transport/src/real.rs",
            "xtask/src/main.rs",
        ] {
            assert!(lines(path, bad).is_empty(), "{path}");
        }
    }

    #[test]
    fn the_two_lowest_crates_are_no_std() {
        let found = |path: &str, text: &str| no_std(&SourceFile::new(path, text)).len();
        for path in WITHOUT_STD {
            assert_eq!(found(path, "//! Doc.\n#![no_std]\n"), 0);
            assert_eq!(found(path, "#![cfg_attr(not(feature = \"std\"), no_std)]\n"), 0);
            assert_eq!(found(path, "//! It is no_std.\n"), 1);
        }
        assert_eq!(found("tempo-session/src/lib.rs", ""), 0);
    }
}
