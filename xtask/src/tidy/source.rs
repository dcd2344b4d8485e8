//! A file as the checks see it, and what they say about it.

use std::fmt;

use super::code;

/// One text file of the repository.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// From the root of the repository, with `/` on every platform.
    pub(super) path: String,
    /// The whole content.
    pub(super) text: String,
    /// For Rust, `text` with comments and the insides of literals blanked, line for line; else empty.
    pub(super) code: String,
}

impl SourceFile {
    /// A file with this path and content.
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = if has_extension(&path, "rs") { code::of(&text) } else { String::new() };
        Self { path, text, code }
    }

    /// Whether the name ends in `.extension`.
    pub(super) fn is(&self, extension: &str) -> bool {
        has_extension(&self.path, extension)
    }

    /// Whether this is Rust in some crate's `src` directory.
    pub(super) fn is_src(&self) -> bool {
        self.is("rs") && self.path.contains("/src/")
    }

    /// The name of the file without its directories.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The directory of the `tempo-*` crate whose manifest this is.
    pub(super) fn manifest_of(&self) -> Option<&str> {
        let directory = self.path.strip_suffix("/Cargo.toml")?;
        (directory.starts_with("tempo-") && !directory.contains('/')).then_some(directory)
    }

    /// The lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// The lines of [`code`](Self::code) with their numbers, from 1.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// Something to mend in this line of this file.
    pub(super) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end == extension)
}

/// What is wrong, where, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[cfg(test)]
impl Finding {
    /// The line, for tests that care for the place only.
    pub(super) fn line(&self) -> usize {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_can_be_clicked() {
        let file = SourceFile::new("xtask/src/tidy.rs", "");
        let finding = file.finding(7, "mend it");
        assert_eq!(finding.to_string(), "xtask/src/tidy.rs:7: mend it");
    }

    #[test]
    fn paths_tell_what_a_file_is() {
        let file = |path| SourceFile::new(path, "");
        assert!(file("tempo-clock/src/stamp.rs").is_src());
        assert!(!file("tempo-clock/tests/it/main.rs").is_src());
        assert_eq!(file("tempo-clock/src/lib.rs").name(), "lib.rs");
        assert_eq!(file("tempo-clock/Cargo.toml").manifest_of(), Some("tempo-clock"));
        assert_eq!(file("tempo-message/fuzz/Cargo.toml").manifest_of(), None);
        assert_eq!(file("xtask/Cargo.toml").manifest_of(), None);
    }
}
