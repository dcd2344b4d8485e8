//! Placeholders: small files of a service that stand for files and directories that are not here.

use std::ffi::{OsStr, OsString};

use tempo_message::{AuthorId, FileType, ForeignReason, PendingReason, planted};

use crate::{
    format::name::{BESIDE, DirName, HEAD, PLACEHOLDERS},
    fs::port::Stat,
    scan::findings::Finding,
};

/// The placeholders in one author's directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Placeholders {
    /// There are some of known services.
    pub(crate) has_known: bool,
    /// The names of possible placeholders of other services.
    pub(crate) perhaps: Vec<OsString>,
}

impl Placeholders {
    /// Returns the names that a placeholder of a known service has for this file.
    pub(crate) fn known_for(&self, name: &OsStr) -> impl Iterator<Item = OsString> {
        let text = name.to_string_lossy().into_owned();
        let known = PLACEHOLDERS.iter().filter(|_| self.has_known && !planted!(PlaceholderIsMissing));
        known.map(move |(before, after)| OsString::from(format!("{before}{text}{after}")))
    }

    /// Returns the possible placeholders for this file, if it is not here itself.
    pub(crate) fn perhaps_for(&self, name: &OsStr) -> impl Iterator<Item = &OsString> {
        self.perhaps.iter().filter(move |perhaps| extends(perhaps, name))
    }
}

/// The largest placeholder, in bytes.
pub(crate) const LARGEST: u16 = 4096;

/// Returns whether a file that does not begin like a message may be a placeholder: its name has one
/// extension more, and it holds nothing but a little text or a property list.
///
/// Unknown services do it like the known ones. Encrypted files look different, so they do not
/// prevent publishing.
///
/// The name of a message beside one whose name is taken looks like one with an extension. What has
/// replaced such a message stands for nothing.
pub(crate) fn may_be_placeholder(name: &OsStr, content: &[u8]) -> bool {
    let name = name.as_encoded_bytes();
    let stem = name.strip_prefix(HEAD.as_bytes()).unwrap_or(name);
    let end = stem.iter().position(|&byte| !is_of_stem(byte)).unwrap_or(stem.len());
    let tail = without_beside(stem.get(end..).unwrap_or_default());
    let has_extension = name.first() == Some(&b'.') || tail.first() == Some(&b'.');
    has_extension && content.len() <= usize::from(LARGEST) && is_text(content)
}

/// Returns the finding about an entry that has the name of an author's directory and is none.
pub(crate) fn in_place_of(dir: DirName, stat: &Stat, is_here: impl Fn(AuthorId) -> bool) -> Finding {
    let reason = ForeignReason::Type { expected: FileType::Directory, found: stat.file_type };
    match dir {
        _ if stat.file_type != FileType::File || planted!(StrangeIsBad) => Finding::Foreign(reason),
        DirName::Copy(author) if is_here(author) => Finding::Foreign(ForeignReason::Content),
        DirName::Copy(_) if stat.len <= LARGEST.into() => Finding::Pending(PendingReason::PerhapsOnline),
        _ => Finding::Foreign(reason),
    }
}

fn is_text(content: &[u8]) -> bool {
    let is_plain = |c: char| !c.is_control() || c.is_ascii_whitespace();
    content.starts_with(b"bplist") || str::from_utf8(content).is_ok_and(|text| text.chars().all(is_plain))
}

fn is_of_stem(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'-'
}

/// Removes from the tail of a name what makes it one beside a name that is taken: a part of a digest, and perhaps a
/// number.
fn without_beside(tail: &[u8]) -> &[u8] {
    let dotted = |tail: &[u8], is: fn(&u8) -> bool| {
        let length = tail.strip_prefix(b".").map_or(0, |rest| rest.iter().take_while(|byte| is(byte)).count());
        let is_over = tail.get(length + 1).is_none_or(|next| !next.is_ascii_alphanumeric());
        if is_over { length } else { 0 }
    };
    if dotted(tail, u8::is_ascii_hexdigit) != BESIDE {
        return tail;
    }
    let tail = tail.get(BESIDE + 1..).unwrap_or_default();
    match dotted(tail, u8::is_ascii_digit) {
        0 => tail,
        digits => tail.get(digits + 1..).unwrap_or_default(),
    }
}

/// Returns whether a name is another one with an extension, and perhaps with a dot before it.
fn extends(name: &OsStr, of: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let name = name.strip_prefix(b".").unwrap_or(name);
    name.strip_prefix(of.as_encoded_bytes()).is_some_and(|rest| rest.first() == Some(&b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_text_behind_an_extension_may_be_one() {
        let is = |name: &str, content: &[u8]| may_be_placeholder(OsStr::new(name), content);
        for name in
            ["head.cloud", "0000000000000003.cloud", ".0000000000000003.stub", "0000000000000001-0000000000000003.gdoc"]
        {
            assert!(
                is(name, b"") && is(name, b" ") && is(name, b"{\"url\": \"...\"}\r\n") && is(name, b"bplist00\xd1\x01")
            );
            assert!(!is(name, &[0x9c; 900]), "encrypted");
            assert!(!is(name, &[0; 100]), "not yet written");
            assert!(!is(name, &vec![b'a'; usize::from(LARGEST) + 1]), "{name}");
        }
        assert!(is("0000000000000003.0a1b2c3d4e5f6071.cloud", b"{}"), "it stands for a file beside");
        for name in [
            "0000000000000003.0a1b2c3d4e5f6071",
            "0000000000000003.0a1b2c3d4e5f6071.2",
            "0000000000000003.0a1b2c3d4e5f6071.2 (1)",
            "0000000000000001-0000000000000003.0a1b2c3d4e5f6071",
        ] {
            assert!(!is(name, b"../../.git/annex/objects/SHA256E-s120"), "{name}");
        }
        for name in ["head", "0000000000000003 (1)", "0000000000000003:Zone.Identifier", "0000000000000003 (1).cloud"] {
            assert!(!is(name, b""), "{name}");
        }
    }

    #[test]
    fn a_stand_in_belongs_to_one_file() {
        let perhaps = [".0000000000000003.stub", "0000000000000004.cloud"].map(OsString::from).to_vec();
        let placeholders = Placeholders { has_known: false, perhaps };
        let of = |name: &str| placeholders.perhaps_for(OsStr::new(name)).collect::<Vec<_>>();
        assert_eq!(of("0000000000000003"), [".0000000000000003.stub"]);
        assert_eq!(of("0000000000000004"), ["0000000000000004.cloud"]);
        assert_eq!(of("0000000000000005"), [""; 0]);
        let all = Placeholders { has_known: true, ..placeholders };
        assert_eq!(all.known_for(OsStr::new("0000000000000005")).count(), PLACEHOLDERS.len());
    }
}
