//! The shape of a Rust file: neither too long nor too short, and it says what it is for.

use super::source::{Finding, SourceFile};

const MOST_LINES: usize = 500;
const FEWEST_LINES: usize = 30;

/// No file over 500 lines, and no module under 30 but one that only names others.
pub(super) fn length(file: &SourceFile) -> Vec<Finding> {
    let lines = file.lines().count();
    let what = if file.is("rs") && lines > MOST_LINES {
        format!("{lines} lines, more than {MOST_LINES}; split it into modules of one idea each")
    } else if file.is_src() && lines < FEWEST_LINES && file.name() != "mod.rs" && !takes_its_doc_from_readme(file) {
        format!("{lines} lines, fewer than {FEWEST_LINES}; put it where it is used")
    } else {
        return Vec::new();
    };
    vec![file.finding(lines.max(1), what)]
}

/// A `lib.rs` whose crate doc is the README is short because its text stands there.
fn takes_its_doc_from_readme(file: &SourceFile) -> bool {
    file.name() == "lib.rs" && file.text.contains("#![doc = include_str!(\"../README.md\")]")
}

/// Each module begins with what it is for.
pub(super) fn module_doc(file: &SourceFile) -> Vec<Finding> {
    let first = file.lines().map(|(_, line)| line.trim()).find(|line| !line.is_empty());
    let documented = first.is_some_and(|line| line.starts_with("//!") || line.starts_with("#![doc"));
    if documented || !file.is_src() {
        return Vec::new();
    }
    vec![file.finding(1, "no module doc; begin the file with `//!` and what it is for")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_lines(path: &str, count: usize) -> SourceFile {
        SourceFile::new(path, "//! Doc.\n".repeat(count))
    }

    #[test]
    fn long_files_are_found_wherever_they_are() {
        for path in ["tempo-clock/src/a.rs", "tempo-clock/tests/it/a.rs"] {
            assert!(length(&with_lines(path, 500)).is_empty());
            assert_eq!(length(&with_lines(path, 501)).len(), 1);
        }
        assert!(length(&with_lines("README.md", 501)).is_empty());
    }

    #[test]
    fn short_files_are_found_in_src() {
        for path in ["tempo-clock/src/lib.rs", "xtask/src/main.rs"] {
            assert!(length(&with_lines(path, 30)).is_empty());
            assert_eq!(length(&with_lines(path, 29)).len(), 1);
        }
        for path in
            ["tempo-message/build.rs", "tempo-message/tests/it/main.rs", "tempo-message/fuzz/fuzz_targets/frame.rs"]
        {
            assert!(length(&with_lines(path, 3)).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_lib_rs_is_short_when_its_doc_is_the_readme() {
        let text = "#![doc = include_str!(\"../README.md\")]\n\nmod stamp;\n";
        assert!(length(&SourceFile::new("tempo-clock/src/lib.rs", text)).is_empty());
        assert_eq!(length(&SourceFile::new("tempo-clock/src/stamp.rs", text)).len(), 1);
    }

    #[test]
    fn a_module_begins_with_its_doc() {
        let in_src = |text| module_doc(&SourceFile::new("tempo-clock/src/a.rs", text));
        assert!(in_src("//! Stamps.\n").is_empty());
        assert!(in_src("#![doc = include_str!(\"../README.md\")]\n").is_empty());
        assert_eq!(in_src("// Stamps.\n//! Too late.\n").len(), 1);
        assert_eq!(in_src("").len(), 1);
        assert!(module_doc(&SourceFile::new("tempo-clock/build.rs", "")).is_empty());
    }
}
