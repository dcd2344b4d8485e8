//! How services name a second directory when they have split one: a table.
//!
//! People make `jam copy.session` and `jam (acoustic).session` on purpose, and those are other sessions. So it is not as
//! with the names inside of the folder, where whatever continues one of ours is read: here only known names count.

use std::ffi::OsStr;

use crate::spelling::composed;

use Part::{Code, Day, Number, Text, Time};

/// A part of a name.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// Exactly this.
    Text(&'static str),
    /// A number from this one to 99. Greater ones are years and the like, which people write.
    Number(u32),
    /// `2026-11-22`.
    Day,
    /// `064026`.
    Time,
    /// Seven letters and digits.
    Code,
}

/// What a service puts after the name, before or after its extension; the names of directories that it is known for.
const TAILS: &[(&str, &[Part])] = &[
    ("iCloud Drive", &[Text(" "), Number(2)]),
    ("iCloud for Windows", &[Text("("), Number(1), Text(")")]),
    ("iCloud for Windows", &[Text("("), Number(1), Text(")("), Number(1), Text(")")]),
    ("Google Drive, Dropbox, MEGA", &[Text(" ("), Number(1), Text(")")]),
    ("Dropbox", &[Text(" (Case Conflict)")]),
    ("Dropbox", &[Text(" (Case Conflict "), Number(1), Text(")")]),
    ("Dropbox", &[Text(" (Case Conflict ("), Number(1), Text("))")]),
    ("Dropbox", &[Text(" (Unicode Encoding Conflict)")]),
    ("Dropbox", &[Text(" (Unicode Encoding Conflict "), Number(1), Text(")")]),
    ("Dropbox", &[Text(" (Unicode Encoding Conflict ("), Number(1), Text("))")]),
    ("Dropbox", &[Text(" (White Space Conflict)")]),
    ("Dropbox", &[Text(" (White Space Conflict "), Number(1), Text(")")]),
    ("Dropbox", &[Text(" (White Space Conflict ("), Number(1), Text("))")]),
    ("Dropbox", &[Text(" (Selective Sync Conflict)")]),
    ("Dropbox", &[Text(" (Selective Sync Conflict "), Number(1), Text(")")]),
    ("Dropbox", &[Text(" (Selective Sync Conflict ("), Number(1), Text("))")]),
    ("Dropbox", &[Text(" (shared folder conflict)")]),
    ("Dropbox", &[Text(" (permission conflicts)")]),
    ("Dropbox", &[Text(" (view only conflicts)")]),
    ("Nextcloud", &[Text(" (case clash from "), Day, Text(" "), Time, Text(")")]),
    ("Proton Drive for Windows", &[Text(" (# Name clash "), Day, Text(" "), Code, Text(" #)")]),
    ("Proton Drive for macOS", &[Text(" (# Name Clash "), Day, Text(" "), Code, Text(" #)")]),
    ("Resilio Sync", &[Text(".Conflict")]),
    ("Resilio Sync", &[Text(".Conflict"), Number(1)]),
    ("Resilio Sync", &[Text(".Conflict.Conflict")]),
];

/// Which service gives this name to a second piece of the directory `of`, if any. The case of ASCII letters does not
/// matter: two that differ in nothing else are one reason why directories are split.
pub(crate) fn piece_by(name: &OsStr, of: &OsStr) -> Option<&'static str> {
    const EXTENSION: &[u8] = b".session";
    let (name, of) = (composed(name), composed(of));
    let (name, of) = (name.as_encoded_bytes(), of.as_encoded_bytes());
    let (stem, extension) = of.split_at_checked(of.len().checked_sub(EXTENSION.len())?)?;
    let rest = strip(name, stem).filter(|_| extension.eq_ignore_ascii_case(EXTENSION))?;
    let before = rest.split_at_checked(rest.len().checked_sub(EXTENSION.len())?);
    let before = before.and_then(|(tail, end)| end.eq_ignore_ascii_case(extension).then_some(tail));
    let tails = [before, strip(rest, extension)];
    let is_known = |parts: &[Part]| tails.into_iter().flatten().any(|tail| fits(tail, parts));
    TAILS.iter().find(|(_, parts)| is_known(parts)).map(|&(by, _)| by)
}

fn strip<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn fits(tail: &[u8], parts: &[Part]) -> bool {
    let [part, parts @ ..] = parts else { return tail.is_empty() };
    let length = match part {
        Text(text) => text.len(),
        Number(_) => tail.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        Day => 10,
        Time => 6,
        Code => 7,
    };
    let Some((this, rest)) = tail.split_at_checked(length) else { return false };
    let is_this = match part {
        Text(text) => this == text.as_bytes(),
        Number(least) => is_number(this, *least),
        Day => this
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() }),
        Time => this.iter().all(u8::is_ascii_digit),
        Code => this.iter().all(u8::is_ascii_alphanumeric),
    };
    is_this && fits(rest, parts)
}

fn is_number(text: &[u8], least: u32) -> bool {
    let value = text.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    matches!(text, [b'1'..=b'9'] | [b'1'..=b'9', _]) && value >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(name: &str) -> Option<&'static str> {
        piece_by(OsStr::new(name), OsStr::new("jam.session"))
    }

    #[test]
    fn names_of_services_count_before_and_after_the_extension() {
        for (tail, service) in [
            (" 2", "iCloud Drive"),
            (" 17", "iCloud Drive"),
            (" (1)", "Google Drive, Dropbox, MEGA"),
            ("(1)", "iCloud for Windows"),
            ("(1)(2)", "iCloud for Windows"),
            (".Conflict", "Resilio Sync"),
            (".Conflict1", "Resilio Sync"),
            (" (Case Conflict)", "Dropbox"),
            (" (Selective Sync Conflict 1)", "Dropbox"),
            (" (Unicode Encoding Conflict (2))", "Dropbox"),
            (" (case clash from 2026-11-22 064026)", "Nextcloud"),
            (" (# Name clash 2026-11-22 a1b2c3C #)", "Proton Drive for Windows"),
            (" (# Name Clash 2026-11-22 aB3dE5f #)", "Proton Drive for macOS"),
        ] {
            assert_eq!(by(&format!("jam{tail}.session")), Some(service), "{tail}");
            assert_eq!(by(&format!("jam.session{tail}")), Some(service), "{tail}");
        }
        assert_eq!(by("Jam (Case Conflict).session"), Some("Dropbox"));
    }

    #[test]
    fn names_of_people_do_not() {
        for name in [
            "jam.session",
            "Jam.session",
            "jam copy.session",
            "jam copy 2.session",
            "jam - Copy.session",
            "jam (copy).session",
            "jam (acoustic).session",
            "jam-HOST.session",
            "jam-2.session",
            "jam2.session",
            "jam 1.session",
            "jam 02.session",
            "jam 2026.session",
            "jam (0).session",
            "jam (2026).session",
            "jam (1)",
            "jam 2",
            "jam.session 2.session",
            "jam 2.session.zip",
            "jam 2.session 2",
            "jam (# Name clash yesterday a1b2c3C #).session",
            "jam (# Name clash 2026-11-22 a1b2c3 #).session",
            "jam .session",
            "jar 2.session",
            " 2.session",
            "ja",
            "",
        ] {
            assert_eq!(by(name), None, "{name:?}");
        }
        assert_eq!(piece_by(OsStr::new("jam 2"), OsStr::new("jam")), None);
    }
}
