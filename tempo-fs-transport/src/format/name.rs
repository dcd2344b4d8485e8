//! The names of the format. `docs/FORMAT.md` lists them.

use std::{
    ffi::{OsStr, OsString},
    fmt::Write,
};

use tempo_message::{AuthorId, CounterName, MAX_FRAME, MAX_HEAD, MAX_PACK, push_printable};

/// The meaning of a name in the session folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirName {
    /// Exactly an author.
    Author(AuthorId),
    /// An author, a dot, and the author who keeps the first one's messages there. Written by the second one only.
    Relay(AuthorId, AuthorId),
    /// An author, and more after a character that is neither letter nor digit, or an author between a dot and an
    /// extension: made by a service that had to keep two directories, or in the place of one. Read like the author's own, never written.
    Copy(AuthorId),
    /// An author in another spelling.
    Misspelled,
    /// None of ours.
    Foreign,
}

/// The meaning of a name in an author's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileName {
    /// Exactly a counter: one message.
    Message(u64),
    /// Two counters: the messages from the first to the last, both included.
    Pack(u64, u64),
    /// A counter, and more after a character that is neither letter nor digit: perhaps a conflict copy. Its content
    /// decides.
    Copy(u64),
    /// The author's hint file, or a copy of it.
    Head,
    /// A service's stand-in for a file whose content is not on this machine: its first and its last counter. Both are
    /// zero for a head.
    Placeholder(u64, u64),
    /// The directory of the parts of files.
    Files,
    /// A file that is being published.
    Staged,
    /// A counter, or the directory of parts, in another spelling.
    Misspelled,
    /// None of ours.
    Foreign,
}

/// The beginning of a staged file's name in an author's directory.
pub(crate) const STAGED_PREFIX: &str = "~tempo-";
/// The end of a staged file's name in an author's directory.
pub(crate) const STAGED_SUFFIX: &str = ".tmp";
/// The additions before and after the name of a file in the name of its placeholder.
pub(crate) const PLACEHOLDERS: [(&str, &str); 6] =
    [(".", "-tef.icloud"), (".", ".icloud"), ("", ".nextcloud"), ("", ".owncloud"), ("", ".rslsync"), ("", ".rsls")];
/// The name of an author's hint file.
pub(crate) const HEAD: &str = "head";
/// The name of the directory of the parts of files in an author's directory.
pub(crate) const FILES: &str = "files";
/// The digits of a digest in the name of a message beside one whose name is taken.
pub(crate) const BESIDE: usize = 16;
const AUTHOR_LEN: usize = 36;

impl DirName {
    /// Reads a name, by its bytes alone.
    pub fn parse(name: &OsStr) -> Self {
        let name = name.as_encoded_bytes();
        if let Some(stub) = name.strip_prefix(b".")
            && let Some((stem, [b'.', _, ..])) = stub.split_at_checked(AUTHOR_LEN)
        {
            return AuthorId::parse(stem).map_or(Self::Foreign, Self::Copy);
        }
        let Some((stem, rest)) = name.split_at_checked(AUTHOR_LEN) else {
            return Self::Foreign;
        };
        match (AuthorId::parse(stem), rest.first()) {
            (Ok(author), None) => Self::Author(author),
            (Ok(author), Some(b'.')) => match AuthorId::parse(rest.get(1..).unwrap_or_default()) {
                Ok(relayer) => Self::Relay(author, relayer),
                Err(_) => Self::Copy(author),
            },
            (Ok(author), Some(&next)) if continues(next) => Self::Copy(author),
            (Err(_), None) if AuthorId::parse(&stem.to_ascii_lowercase()).is_ok() => Self::Misspelled,
            _ => Self::Foreign,
        }
    }
}

impl DirName {
    /// Returns the author of the messages in a directory with this name.
    pub fn author(self) -> Option<AuthorId> {
        match self {
            Self::Author(author) | Self::Relay(author, _) | Self::Copy(author) => Some(author),
            Self::Misspelled | Self::Foreign => None,
        }
    }

    /// Returns the name of the directory that `relayer` keeps for an author, or, without one, of the
    /// author's own.
    pub(crate) fn of(author: AuthorId, relayer: Option<AuthorId>) -> OsString {
        relayer.map_or_else(|| author.to_string(), |relayer| format!("{author}.{relayer}")).into()
    }
}

impl FileName {
    /// Reads a name, by its bytes alone.
    pub fn parse(name: &OsStr) -> Self {
        let name = name.as_encoded_bytes();
        if name.starts_with(STAGED_PREFIX.as_bytes()) && name.ends_with(STAGED_SUFFIX.as_bytes()) {
            return Self::Staged;
        }
        if let Some(placeholder) = PLACEHOLDERS.iter().find_map(|(before, after)| placeholder(name, before, after)) {
            return placeholder;
        }
        if let Some(rest) = name.strip_prefix(HEAD.as_bytes()) {
            return if rest.first().is_none_or(|&next| continues(next)) { Self::Head } else { Self::Foreign };
        }
        if let Some(stub) = name.strip_prefix(b".") {
            return parse_stub(stub);
        }
        if name.eq_ignore_ascii_case(FILES.as_bytes()) {
            return if name == FILES.as_bytes() { Self::Files } else { Self::Misspelled };
        }
        parse_stem(name)
    }
}

/// Returns a name for display: control characters, marks that change the direction of text, and
/// bytes that are no text are escaped, so that no name in a folder can act on a terminal.
pub fn printable(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    push_printable_name(&mut text, name);
    text
}

/// Adds a name for display.
pub(crate) fn push_printable_name(text: &mut String, name: &OsStr) {
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        push_printable(text, chunk.valid(), |c| c == '\\');
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
}

fn placeholder(name: &[u8], before: &str, after: &str) -> Option<FileName> {
    let inner = name.strip_prefix(before.as_bytes())?.strip_suffix(after.as_bytes())?;
    if inner == HEAD.as_bytes() {
        return Some(FileName::Placeholder(0, 0));
    }
    match parse_stem(inner) {
        FileName::Message(counter) => Some(FileName::Placeholder(counter, counter)),
        FileName::Pack(first, last) => Some(FileName::Placeholder(first, last)),
        FileName::Copy(first) => Some(FileName::Placeholder(first, u64::MAX)),
        _ => None,
    }
}

/// Parses a hidden name that continues like a counter with an extension: some services hide their
/// placeholders.
fn parse_stub(name: &[u8]) -> FileName {
    if name.strip_prefix(HEAD.as_bytes()).is_some_and(|rest| matches!(rest, [b'.', _, ..])) {
        return FileName::Head;
    }
    let is_extended = |at: usize| name.get(at) == Some(&b'.') && name.len() > at + 1;
    match parse_stem(name) {
        FileName::Copy(first) if is_extended(CounterName::LEN) || is_extended(2 * CounterName::LEN + 1) => {
            FileName::Copy(first)
        }
        _ => FileName::Foreign,
    }
}

/// Parses a name that begins with a counter.
fn parse_stem(name: &[u8]) -> FileName {
    let Some((stem, rest)) = name.split_at_checked(CounterName::LEN) else {
        return FileName::Foreign;
    };
    let Some(first) = CounterName::parse(stem) else {
        let lower = CounterName::parse(&stem.to_ascii_lowercase());
        return if lower.is_some() && rest.is_empty() { FileName::Misspelled } else { FileName::Foreign };
    };
    match rest {
        [] => FileName::Message(first),
        [b'-', last @ ..] => match CounterName::parse(last) {
            Some(last) if first < last => FileName::Pack(first, last),
            _ => FileName::Copy(first),
        },
        [next, ..] if continues(*next) => FileName::Copy(first),
        _ => FileName::Foreign,
    }
}

/// Every known mark of a copy begins with a character that is neither a letter nor a digit.
pub(crate) fn continues(next: u8) -> bool {
    !next.is_ascii_alphanumeric()
}

/// Returns the largest size of a file with this name, in bytes.
pub(crate) fn limit(name: &OsStr) -> u64 {
    match FileName::parse(name) {
        FileName::Message(_) => MAX_FRAME as u64,
        FileName::Head => MAX_HEAD as u64,
        _ => MAX_PACK as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: &str = "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f";

    #[test]
    fn directories() {
        let author: AuthorId = AUTHOR.parse().unwrap();
        let dir = |name: &str| DirName::parse(OsStr::new(name));
        assert_eq!(dir(AUTHOR), DirName::Author(author));
        for tail in [" (1)", " 2", ".Conflict", "-HOST", " (# Name clash 2026-11-22 a1b2c3C #)", "\u{e9}"] {
            assert_eq!(dir(&format!("{AUTHOR}{tail}")), DirName::Copy(author), "{tail:?}");
        }
        let relayer: AuthorId = "1c9e4a70-52bd-4a0e-8f0f-6d1b6f6f2b10".parse().unwrap();
        let relay = format!("{AUTHOR}.{relayer}");
        assert_eq!(dir(&relay), DirName::Relay(author, relayer));
        assert_eq!(DirName::of(author, Some(relayer)), OsStr::new(&relay));
        for copy in [format!("{relay} (1)"), format!(".{relay}"), relay.replace('.', "-"), relay.to_uppercase()] {
            assert_ne!(dir(&copy), DirName::Relay(author, relayer), "{copy:?}");
        }
        assert_eq!(dir(&format!("{relay} (1)")), DirName::Copy(author));
        assert_eq!(dir(&AUTHOR.to_uppercase()), DirName::Misspelled);
        for name in ["", "findings.txt", &format!("{AUTHOR}2"), &AUTHOR.replace('-', ""), &AUTHOR[1..], ".stfolder"] {
            assert_eq!(dir(name), DirName::Foreign, "{name:?}");
        }
    }

    #[test]
    fn files() {
        let file = |name: &str| FileName::parse(OsStr::new(name));
        assert_eq!(file("00000000000003e8"), FileName::Message(1000));
        assert_eq!(file("0000000000000003-0000000000000400"), FileName::Pack(3, 0x400));
        for name in [
            "0000000000000003 (1)",
            "0000000000000003.sync-conflict-20261122-101112-ABCDEFG",
            "0000000000000003-0000000000000003",
            "0000000000000003-0000000000000002",
            "0000000000000003-0000000000000400 (1)",
            "0000000000000003-HOST",
        ] {
            assert_eq!(file(name), FileName::Copy(3), "{name:?}");
        }
        for name in ["head", "head (1)", "head.sync-conflict-20261122-101112-ABCDEFG"] {
            assert_eq!(file(name), FileName::Head, "{name:?}");
        }
        for (name, last) in [
            (".0000000000000003.icloud", 3),
            ("0000000000000003.nextcloud", 3),
            ("0000000000000003-0000000000000400.owncloud", 0x400),
            (".0000000000000003 2.icloud", u64::MAX),
        ] {
            assert_eq!(file(name), FileName::Placeholder(3, last), "{name:?}");
        }
        for name in [".head.icloud", "head.nextcloud"] {
            assert_eq!(file(name), FileName::Placeholder(0, 0), "{name:?}");
        }
        assert_eq!(file("~tempo-00ff.tmp"), FileName::Staged);
        assert_eq!(file("files"), FileName::Files);
        for name in ["00000000000003E8", "Files", "FILES"] {
            assert_eq!(file(name), FileName::Misspelled, "{name:?}");
        }
        for name in
            ["0000000000000000", "0000000000000003x", "header", "3", "", "._0000000000000003", "~tempo-1", "files (1)"]
        {
            assert_eq!(file(name), FileName::Foreign, "{name:?}");
        }
    }

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(printable(OsStr::new("Zo\u{eb} (1).txt")), "Zo\u{eb} (1).txt");
        assert_eq!(printable(OsStr::new("a\u{1b}[2Jb\n\u{202e}c\\")), "a\\u{1b}[2Jb\\u{a}\\u{202e}c\\u{5c}");
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            assert_eq!(printable(OsStr::from_bytes(b"a\xff\xfeb")), "a\\xff\\xfeb");
        }
    }
}
