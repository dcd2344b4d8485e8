//! Every text file: line ends, tabs, and paths that exist on one machine only.

use super::source::{Finding, SourceFile};

/// Top directories under which a path is somebody's own. Written without slashes, or this file would find itself.
const MACHINE_DIRECTORIES: &[&str] = &["work", "root", "home", "Users"];

/// No blanks at the end of a line, and a newline at the end of the file.
///
/// A carriage return before the newline is no finding: git may have put it there on checkout.
pub(super) fn line_ends(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        if line.ends_with(char::is_whitespace) {
            findings.push(file.finding(number, "blanks at the end of the line; take them out"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        let last = file.lines().count();
        findings.push(file.finding(last, "no newline at the end of the file; add one"));
    }
    findings
}

/// No tabs where spaces are the rule.
pub(super) fn tabs(file: &SourceFile) -> Vec<Finding> {
    if !["rs", "toml", "md"].iter().any(|extension| file.is(extension)) {
        return Vec::new();
    }
    let with_tab = file.lines().filter(|(_, line)| line.contains('\t'));
    with_tab.map(|(number, _)| file.finding(number, "a tab; write spaces, or `\\t` in a literal")).collect()
}

/// No absolute path of the machine that somebody worked on.
pub(super) fn machine_paths(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        for directory in MACHINE_DIRECTORIES {
            let path = format!("/{directory}/");
            if names_absolute(line, &path) {
                findings.push(file.finding(
                    number,
                    format!(
                        "`{path}…` is a path of one machine; \
                         write it from the repository's root, or with `~`"
                    ),
                ));
            }
        }
    }
    findings
}

/// Whether `path` stands in `line` as the beginning of a path, and not as the middle of a longer one or of an address.
fn names_absolute(line: &str, path: &str) -> bool {
    let is_middle = |c: char| c.is_alphanumeric() || "._-~/)}*".contains(c);
    line.match_indices(path).any(|(at, _)| {
        let (before, _) = line.split_at(at);
        !before.ends_with(is_middle) || before.ends_with("://")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("docs/FORMAT.md", text)
    }

    fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(Finding::line).collect()
    }

    #[test]
    fn blanks_at_line_ends_and_a_missing_newline_are_found() {
        assert_eq!(lines(&line_ends(&file("a \nb\n\t\nc"))), [1, 3, 3 + 1]);
        assert_eq!(line_ends(&file("a\n\n b\r\nc\n")), Vec::new());
        assert_eq!(line_ends(&file("")), Vec::new());
    }

    #[test]
    fn tabs_are_found_where_spaces_are_the_rule() {
        assert_eq!(lines(&tabs(&file("a\n\tb\n"))), [2]);
        assert_eq!(tabs(&SourceFile::new("Makefile", "\tb\n")), Vec::new());
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for directory in MACHINE_DIRECTORIES {
            for bad in ["/D/x", "see `/D/x`", "file:///D/x", "p = \"/D/\""] {
                let text = format!("{}\n", bad.replace('D', directory));
                assert_eq!(lines(&machine_paths(&file(&text))), [1], "{text}");
            }
            for good in ["a/D/b", "~/D/x", "https://example.org/D/x", "$X/D/", "${X}/D/"] {
                let text = format!("{}\n", good.replace('D', directory));
                assert_eq!(machine_paths(&file(&text)), Vec::new(), "{text}");
            }
        }
    }
}
