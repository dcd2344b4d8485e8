//! Names, numbers and times in the words of people. Everything that comes from the folder is made
//! safe for a terminal here.

use std::{collections::BTreeMap, ops::RangeInclusive};

use tempo_clock::AuthorId;

use crate::api::{
    names::{Names, short},
    status::Status,
};

/// The names of all members.
#[derive(Debug)]
pub(super) struct People {
    names: Names,
    raw: BTreeMap<AuthorId, String>,
    pub(super) me: Option<AuthorId>,
}

/// The most numbers, or ranges of numbers, listed in a sentence.
const LISTED: usize = 6;

impl People {
    pub(super) fn new(status: &Status, me: Option<AuthorId>) -> Self {
        let raw = status.members.iter().filter_map(|member| Some((member.author, member.name.clone()?)));
        Self { names: status.names(), raw: raw.collect(), me }
    }

    /// Returns the name as the member wrote it, for programs.
    pub(super) fn raw(&self, author: AuthorId) -> Option<String> {
        self.raw.get(&author).cloned()
    }

    pub(super) fn is_me(&self, author: AuthorId) -> bool {
        self.me == Some(author)
    }

    /// Returns "Ana", even for the reader.
    pub(super) fn name(&self, author: AuthorId) -> String {
        self.names.get(author).map_or_else(|| format!("the member {}", short(author)), str::to_owned)
    }

    /// Returns "Ana" or "you".
    pub(super) fn subject(&self, author: AuthorId) -> String {
        if self.is_me(author) { "you".to_owned() } else { self.name(author) }
    }

    /// Returns "Ana" or "yours", to follow "of".
    pub(super) fn subject_of(&self, author: AuthorId) -> String {
        if self.is_me(author) { "yours".to_owned() } else { self.name(author) }
    }

    /// Returns "Ana's" or "your".
    pub(super) fn whose(&self, author: AuthorId) -> String {
        if self.is_me(author) { "your".to_owned() } else { format!("{}'s", self.name(author)) }
    }

    /// Returns "3 messages of Ana" or "3 messages of yours".
    pub(super) fn count(&self, count: u64, what: &str, author: AuthorId) -> String {
        let of = if self.is_me(author) { "yours".to_owned() } else { self.name(author) };
        format!("{} of {of}", counted(count, what))
    }

    /// Returns "message 3 of Ana" or "your message 3".
    pub(super) fn message(&self, author: AuthorId, counter: u64) -> String {
        if self.is_me(author) {
            format!("your message {counter}")
        } else {
            format!("message {counter} of {}", self.name(author))
        }
    }
}

/// Returns "1 file" or "3 files".
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns the singular or the plural.
pub(super) fn one_or_many(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// Returns "number 2" or "numbers 2, 5 to 9, and 3 more". The ranges must ascend.
pub(super) fn numbers(ranges: &[RangeInclusive<u64>]) -> String {
    let is_one = matches!(ranges, [only] if only.start() == only.end());
    let listed: Vec<String> = ranges.iter().take(LISTED).map(range).collect();
    let rest = total(ranges.get(LISTED..).unwrap_or_default());
    let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    format!("{} {}{more}", if is_one { "number" } else { "numbers" }, listed.join(", "))
}

/// Returns how many numbers the ranges contain.
pub(super) fn total(ranges: &[RangeInclusive<u64>]) -> u64 {
    ranges.iter().map(|range| (range.end() - range.start()).saturating_add(1)).fold(0, u64::saturating_add)
}

/// Groups ascending numbers into ranges.
pub(super) fn ranges(numbers: impl IntoIterator<Item = u64>) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if number <= *last.end() => {}
            Some(last) if number == *last.end() + 1 => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

/// Returns a span of time in its largest unit: "3 days".
pub(super) fn span(ms: u64) -> String {
    const MINUTE: u64 = 60_000;
    const UNITS: [(u64, &str); 4] = [(365 * 1440, "year"), (1440, "day"), (60, "hour"), (1, "minute")];
    let minutes = ms / MINUTE;
    let unit = UNITS.into_iter().find(|(length, _)| minutes >= *length);
    unit.map_or("less than a minute".to_owned(), |(length, name)| counted(minutes / length, name))
}

/// Returns how long ago something was, or how far in the future it is.
pub(super) fn ago(then_ms: i64, now_ms: i64) -> String {
    let away = span(now_ms.abs_diff(then_ms));
    if then_ms <= now_ms { format!("{away} ago") } else { format!("{away} in the future") }
}

fn range(range: &RangeInclusive<u64>) -> String {
    match (range.start(), range.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_in_ranges_and_not_without_end() {
        assert_eq!(numbers(&ranges([2])), "number 2");
        assert_eq!(numbers(&ranges([2, 3])), "numbers 2 to 3");
        assert_eq!(numbers(&ranges([1, 3, 5, 6, 6, 7, 9])), "numbers 1, 3, 5 to 7, 9");
        assert_eq!(numbers(&ranges((1..20).map(|n| 2 * n))), "numbers 2, 4, 6, 8, 10, 12, and 13 more");
        assert_eq!(total(&[1..=u64::MAX, 1..=u64::MAX]), u64::MAX);
    }

    #[test]
    fn times_are_said_in_their_greatest_unit() {
        for (ms, text) in [
            (59_999, "less than a minute"),
            (60_000, "1 minute"),
            (3_599_999, "59 minutes"),
            (7_200_000, "2 hours"),
            (49 * 3_600_000, "2 days"),
            (u64::MAX, "584942417 years"),
        ] {
            assert_eq!(span(ms), text);
        }
        assert_eq!(ago(0, 120_000), "2 minutes ago");
        assert_eq!(ago(i64::MAX, i64::MIN), "584942417 years in the future");
    }
}
