//! The names in the directory of the parts of files.

use std::ffi::{OsStr, OsString};

use tempo_message::{Part, StoredPart};

use crate::format::name::{PLACEHOLDERS, continues};

/// The part that a name announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartKey {
    attachment: [u8; 16],
    /// `None` if the attachment has only one part.
    number: Option<u16>,
}

/// The meaning of a name for the part that it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartName {
    /// Exactly the part's.
    Exact,
    /// That of a part whose name was taken.
    Beside,
    /// Made by a service that had to keep two files.
    Copy,
    /// As a copy, but with an extension: perhaps the stand-in of an unknown service for a file that is not here.
    Extended,
    /// A known service's stand-in for a file whose content is not on this machine.
    Placeholder,
}

/// The hex digits of an attachment in the name of a part.
const DIGITS: usize = 32;
const BESIDE: &str = ".2";

impl PartKey {
    /// Returns the key of a part.
    pub(crate) fn of(part: &Part) -> Self {
        let mut attachment = [0; 16];
        attachment.iter_mut().zip(part.attachment.as_bytes()).for_each(|(to, from)| *to = *from);
        Self { attachment, number: (part.count > 1).then_some(part.number) }
    }

    /// Reads a name, by its bytes alone.
    pub(crate) fn parse(name: &OsStr) -> Option<(Self, PartName)> {
        let name = name.as_encoded_bytes();
        let stand_in = |(before, after): &(&str, &str)| {
            let inner = name.strip_prefix(before.as_bytes())?.strip_suffix(after.as_bytes())?;
            split(inner).map(|(key, _)| (key, PartName::Placeholder))
        };
        if let Some(stand_in) = PLACEHOLDERS.iter().find_map(stand_in) {
            return Some(stand_in);
        }
        if let Some(hidden) = name.strip_prefix(b".") {
            return split(hidden)
                .filter(|(_, rest)| matches!(rest, [b'.', _, ..]))
                .map(|(key, _)| (key, PartName::Extended));
        }
        let (key, rest) = split(name)?;
        let kind = match rest {
            [] => PartName::Exact,
            _ if rest == BESIDE.as_bytes() => PartName::Beside,
            [b'.', _, ..] => PartName::Extended,
            _ => PartName::Copy,
        };
        Some((key, kind))
    }

    /// Returns the entry of an inventory.
    pub(crate) fn stored(self, bytes: u64) -> StoredPart {
        StoredPart { attachment: self.attachment, number: self.number, bytes }
    }
}

/// Returns the names that a part may get in its author's place: its own, and one beside it.
pub(crate) fn own_names(part: &Part) -> [OsString; 2] {
    let name = part.name();
    let beside = format!("{name}{BESIDE}");
    [name, beside].map(OsString::from)
}

/// Splits a name behind the part that it begins with.
fn split(name: &[u8]) -> Option<(PartKey, &[u8])> {
    let (digits, rest) = name.split_at_checked(DIGITS)?;
    let attachment = bytes(digits)?;
    let numbered = rest.split_first_chunk::<5>().and_then(|([hyphen, digits @ ..], rest)| {
        let number = bytes::<2>(digits).filter(|_| *hyphen == b'-' && ends(rest))?;
        Some((PartKey { attachment, number: Some(u16::from_be_bytes(number)) }, rest))
    });
    numbered.or_else(|| ends(rest).then_some((PartKey { attachment, number: None }, rest)))
}

fn ends(rest: &[u8]) -> bool {
    rest.first().is_none_or(|&next| continues(next))
}

/// Reads lower-case hex digits.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    (pairs.len() == N).then_some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tempo_message::ManifestHasher;

    use super::*;

    const NAME: &str = "90c4a1b2c3d4e5f60718293a4b5c6d07";

    fn parse(name: &str) -> Option<(Option<u16>, PartName)> {
        let (key, kind) = PartKey::parse(OsStr::new(name))?;
        assert_eq!((key.attachment[0], key.attachment[15]), (0x90, 0x07), "{name:?}");
        Some((key.number, kind))
    }

    #[test]
    fn names() {
        for (number, name) in [(None, NAME.to_owned()), (Some(0x1a), format!("{NAME}-001a"))] {
            assert_eq!(parse(&name), Some((number, PartName::Exact)));
            assert_eq!(parse(&format!("{name}.2")), Some((number, PartName::Beside)));
            for tail in [" (1)", "-HOST", " 2", "_conf(1)", "\u{e9}"] {
                assert_eq!(parse(&format!("{name}{tail}")), Some((number, PartName::Copy)), "{tail}");
            }
            for tail in [".sync-conflict-20261122-101112-ABCDEFG", ".3", ".2 (1)", ".cloud"] {
                assert_eq!(parse(&format!("{name}{tail}")), Some((number, PartName::Extended)), "{tail}");
            }
            assert_eq!(parse(&format!(".{name}.stub")), Some((number, PartName::Extended)));
            for (before, after) in [(".", ".icloud"), (".", "-tef.icloud"), ("", ".nextcloud"), ("", " (1).rsls")] {
                let name = format!("{before}{name}{after}");
                assert_eq!(parse(&name), Some((number, PartName::Placeholder)), "{name}");
            }
            for name in [format!(".{name}"), format!("._{name}"), name.to_uppercase()] {
                assert_eq!(parse(&name), None, "{name}");
            }
        }
        for tail in ["-001", "-001a0", "-001A"] {
            assert_eq!(parse(&format!("{NAME}{tail}")), Some((None, PartName::Copy)), "{tail} is no number");
        }
        for tail in ["0", "x"] {
            assert_eq!(parse(&format!("{NAME}{tail}")), None, "{tail}");
        }
        for name in ["", ".", "-0000", &NAME[1..], "desktop.ini", "~tempo-00ff.tmp"] {
            assert_eq!(parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_names_of_a_part_announce_it() {
        for length in [1000, 3000] {
            let mut hasher = ManifestHasher::new(10);
            hasher.update(&vec![7; length]).unwrap();
            for part in hasher.finish().unwrap().parts() {
                let [own, beside] = own_names(&part);
                assert_eq!(PartKey::parse(&own), Some((PartKey::of(&part), PartName::Exact)));
                assert_eq!(PartKey::parse(&beside), Some((PartKey::of(&part), PartName::Beside)));
                assert!(PartKey::of(&part).stored(5).is(&part));
            }
        }
    }
}
