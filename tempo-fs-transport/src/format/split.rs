//! The names of split folders: whether a service may have made one directory from another.
//!
//! Names only hint. Services translate their additions, people number their songs, and both put the
//! name of a copy after the name of its original. The content decides (`relation.rs`).

use std::ffi::OsStr;

use crate::format::spelling::folded;

use Token::{Code, Day, Number, Text, Time};

/// The similarity of two names to those of parts of one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hint {
    /// None.
    Nothing,
    /// One continues the other, or both continue a third one.
    Continued,
    /// A number follows. Services number the parts of a directory, and people their songs.
    Numbered,
    /// A known addition of a service follows, which people do not write.
    Service,
}

/// A part of a name.
#[derive(Debug, Clone, Copy)]
enum Token {
    /// Exactly this, in lower case.
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

/// The tails that services put after the name of a directory, before or after its extension.
const TAILS: &[(Hint, &[Token])] = &[
    // iCloud Drive.
    (Hint::Numbered, &[Text(" "), Number(2)]),
    // iCloud for Windows.
    (Hint::Numbered, &[Text("("), Number(1), Text(")")]),
    // Google Drive, Dropbox, MEGA.
    (Hint::Numbered, &[Text(" ("), Number(1), Text(")")]),
    // Dropbox.
    (Hint::Service, &[Text(" (case conflict)")]),
    (Hint::Service, &[Text(" (case conflict "), Number(1), Text(")")]),
    (Hint::Service, &[Text(" (case conflict ("), Number(1), Text("))")]),
    (Hint::Service, &[Text(" (unicode encoding conflict)")]),
    (Hint::Service, &[Text(" (unicode encoding conflict "), Number(1), Text(")")]),
    (Hint::Service, &[Text(" (unicode encoding conflict ("), Number(1), Text("))")]),
    (Hint::Service, &[Text(" (white space conflict)")]),
    (Hint::Service, &[Text(" (white space conflict "), Number(1), Text(")")]),
    (Hint::Service, &[Text(" (white space conflict ("), Number(1), Text("))")]),
    (Hint::Service, &[Text(" (selective sync conflict)")]),
    (Hint::Service, &[Text(" (selective sync conflict "), Number(1), Text(")")]),
    (Hint::Service, &[Text(" (selective sync conflict ("), Number(1), Text("))")]),
    (Hint::Service, &[Text(" (shared folder conflict)")]),
    (Hint::Service, &[Text(" (permission conflicts)")]),
    (Hint::Service, &[Text(" (view only conflicts)")]),
    // Nextcloud.
    (Hint::Service, &[Text(" (case clash from "), Day, Text(" "), Time, Text(")")]),
    // Proton Drive.
    (Hint::Service, &[Text(" (# name clash "), Day, Text(" "), Code, Text(" #)")]),
    // Resilio Sync.
    (Hint::Service, &[Text(".conflict")]),
    (Hint::Service, &[Text(".conflict"), Number(1)]),
];

/// Returns how much the names of two directories look like those of parts of one. Case and Unicode
/// form do not matter: names that differ in nothing else are one reason why directories are split.
pub(crate) fn hint(one: &OsStr, other: &OsStr) -> Hint {
    let (one, other) = (bare(one), bare(other));
    let alike = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum::<usize>();
    let ends = (1..=alike).filter(|&at| ends_a_word(&one, at) && ends_a_word(&other, at));
    let of_tails = |at: usize| {
        let tails = [&one, &other].map(|name| name.get(at..).unwrap_or_default());
        tails.into_iter().filter(|tail| !tail.is_empty()).map(known).min().unwrap_or(Hint::Numbered)
    };
    ends.map(of_tails).max().unwrap_or(Hint::Nothing)
}

/// Returns whether a word of a name ends here.
fn ends_a_word(name: &str, at: usize) -> bool {
    let Some((before, after)) = name.split_at_checked(at) else { return false };
    before.chars().next_back().is_some_and(char::is_alphanumeric)
        && !after.chars().next().is_some_and(char::is_alphanumeric)
}

/// Returns a name without its extension, wherever that is.
fn bare(name: &OsStr) -> String {
    const EXTENSION: &str = ".session";
    let mut name = folded(name.as_ref());
    if let Some(at) = name.rfind(EXTENSION) {
        name.replace_range(at..at + EXTENSION.len(), "");
    }
    name
}

/// Returns what is known of a tail, or of several one after the other.
fn known(tail: &str) -> Hint {
    let bytes = tail.as_bytes();
    if let Some((hint, _)) = TAILS.iter().find(|(_, parts)| fits(bytes, parts)) {
        return *hint;
    }
    let splits = (1..tail.len()).filter_map(|at| tail.split_at_checked(at));
    let of_both = splits.filter_map(|(first, rest)| {
        let (first, _) = TAILS.iter().find(|(_, parts)| fits(first.as_bytes(), parts))?;
        let rest = known(rest);
        (rest > Hint::Continued).then_some(rest.max(*first))
    });
    of_both.max().unwrap_or(Hint::Continued)
}

fn fits(tail: &[u8], parts: &[Token]) -> bool {
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

    /// The hint of a name beside `jam.session`, in either order.
    fn of(name: &str) -> Hint {
        let (name, jam) = (OsStr::new(name), OsStr::new("jam.session"));
        assert_eq!(hint(name, jam), hint(jam, name), "{name:?}");
        hint(name, jam)
    }

    #[test]
    fn tails_of_services_count_before_and_after_the_extension() {
        for (tail, hint) in [
            (" 2", Hint::Numbered),
            (" 17", Hint::Numbered),
            (" (1)", Hint::Numbered),
            ("(1)", Hint::Numbered),
            ("(1)(2)", Hint::Numbered),
            (".Conflict", Hint::Service),
            (".Conflict1", Hint::Service),
            (".Conflict.Conflict", Hint::Service),
            (" (Case Conflict)", Hint::Service),
            (" (Selective Sync Conflict 1)", Hint::Service),
            (" (Selective Sync Conflict) (1)", Hint::Service),
            (" (Unicode Encoding Conflict (2))", Hint::Service),
            (" (case clash from 2026-11-22 064026)", Hint::Service),
            (" (# Name clash 2026-11-22 a1b2c3C #)", Hint::Service),
            (" (# Name Clash 2026-11-22 aB3dE5f #)", Hint::Service),
            (" (Konflikt durch selektive Synchronisierung)", Hint::Continued),
            (" (\u{9078}\u{629e}\u{578b}\u{540c}\u{671f}\u{306e}\u{7af6}\u{5408})", Hint::Continued),
            (" copy", Hint::Continued),
            (" - Kopie", Hint::Continued),
            ("-HOST", Hint::Continued),
            (" 1", Hint::Continued),
            (" 2026", Hint::Continued),
            (" (0)", Hint::Continued),
            (" (# Name clash yesterday a1b2c3C #)", Hint::Continued),
        ] {
            assert_eq!(of(&format!("jam{tail}.session")), hint, "{tail}");
            assert_eq!(of(&format!("jam.session{tail}")), hint, "{tail}");
            assert_eq!(of(&format!("JAM{tail}.Session")), hint, "{tail}");
        }
    }

    #[test]
    fn parts_are_like_each_other_without_the_whole() {
        let hint = |one: &str, other: &str| hint(OsStr::new(one), OsStr::new(other));
        assert_eq!(hint("jam (1).session", "jam (2).session"), Hint::Numbered);
        assert_eq!(hint("jam (Case Conflict).session", "jam.session (Case Conflict 1)"), Hint::Service);
        assert_eq!(hint("jam (Konflikt).session", "jam (1).session"), Hint::Continued);
        assert_eq!(hint("Caf\u{e9} 2.session", "cafe\u{301}.session"), Hint::Numbered);
    }

    #[test]
    fn other_names_say_nothing() {
        assert_eq!(of("Jam.session"), Hint::Numbered, "only the case differs");
        for name in
            ["jam2.session", "jamming 2.session", "jar 2.session", " 2.session", "ja.session", "ja", "", "2 jam"]
        {
            assert_eq!(of(name), Hint::Nothing, "{name:?}");
        }
    }
}
