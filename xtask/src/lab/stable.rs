//! The parts that members have reported as stable, for comparison with the final timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, slice};

use indexmap::IndexSet;
use serde_json::Value;

/// The stable parts that were seen, in order.
#[derive(Debug, Default)]
pub(super) struct StableParts {
    seen: Vec<Part>,
    lines: Lines,
}

/// The source of a stable part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// An observer of a copy of this member's folder; nothing changes in the copy meanwhile.
    Copy(String),
    /// This member, whose process had ended.
    Store(String),
}

/// A stable part, and the other messages that were there then.
#[derive(Debug)]
struct Part {
    asked: Asked,
    stable: Vec<Line>,
    others: Vec<Line>,
}

/// A line that a member has typed.
type Line = usize;

/// All lines, each once.
#[derive(Debug, Default)]
struct Lines(IndexSet<String>);

/// The beginning of the line that `tempo log` prints after the stable part.
const MARK: &str = "-- ";

impl StableParts {
    /// Notes what a log for people reports as stable.
    pub(super) fn note(&mut self, asked: Asked, log: &str) -> Result<(), String> {
        // Other lines for people are not part of the timeline.
        let said: Vec<&str> = log.lines().filter(|line| !line.starts_with("tempo: ")).collect();
        let end = said.iter().position(|line| line.starts_with(MARK)).unwrap_or(said.len());
        let (stable, others) = said.split_at(end);
        let stable = self.lines.of(stable)?;
        let others = self.lines.of(others.get(1..).unwrap_or_default())?;
        self.seen.push(Part { asked, stable, others });
        Ok(())
    }

    /// Returns the number of parts, and the length of the longest.
    pub(super) fn extent(&self) -> (usize, usize) {
        (self.seen.len(), self.seen.iter().map(|part| part.stable.len()).max().unwrap_or(0))
    }

    /// Checks that each part is the beginning of the final timeline, except for messages of newcomers: a
    /// message of an author that had not seen the stable part may come before it. A part that fails is
    /// written into a file.
    ///
    /// An observer of a copy knows every author that has a message there. A member continues where it was, so
    /// for a member an author stops being a newcomer as soon as one of its messages was the last stable one,
    /// or was beyond that.
    /// newcomer any more as soon as a message of theirs was the last stable one, or beyond that.
    pub(super) fn agrees(&mut self, log: &str, evidence: &Path) -> Result<(), String> {
        let mut authors = BTreeMap::new();
        let mut last = Vec::new();
        for entry in log.lines() {
            let line = self.lines.number(field(entry, "text"));
            authors.insert(line, field(entry, "author"));
            last.push(line);
        }
        let mut met: BTreeMap<&Asked, BTreeSet<&String>> = BTreeMap::new();
        for part in &self.seen {
            let of_some = |lines: &[Line]| lines.iter().filter_map(|line| authors.get(line)).collect::<BTreeSet<_>>();
            let met = met.entry(&part.asked).or_default();
            let known = match &part.asked {
                Asked::Copy(_) => &(&of_some(&part.stable) | &of_some(&part.others)),
                Asked::Store(_) => {
                    met.append(&mut of_some(&part.others));
                    met.append(&mut of_some(part.stable.last().map(slice::from_ref).unwrap_or_default()));
                    met
                }
            };
            // A line that is missing in the end has no known author, and counts.
            let is_bound = |line: &&Line| authors.get(*line).is_none_or(|author| known.contains(author));
            let mut now = last.iter().filter(is_bound);
            for (same, was) in part.stable.iter().filter(is_bound).enumerate() {
                let is = now.next();
                if is != Some(was) {
                    self.keep(part, evidence)?;
                    let (count, name, was) = (part.stable.len(), part.asked.name(), self.lines.text(*was));
                    let is = is.map_or("nothing", |line| self.lines.text(*line));
                    return Err(format!(
                        "of {count} stable for {name}, {same} have stayed; then came `{was}`, and now `{is}`"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Writes the part into a file.
    fn keep(&self, part: &Part, evidence: &Path) -> Result<(), String> {
        let texts = |lines: &[Line]| lines.iter().flat_map(|line| [self.lines.text(*line), "\n"]).collect::<String>();
        let (stable, others) = (texts(&part.stable), texts(&part.others));
        let kept = fs::write(evidence, format!("{}\n{stable}{MARK}\n{others}", part.asked.name()));
        kept.map_err(|error| format!("{}: {error}", evidence.display()))
    }
}

impl Asked {
    fn name(&self) -> String {
        match self {
            Self::Copy(name) => format!("who looked at {name}'s folder"),
            Self::Store(name) => name.clone(),
        }
    }
}

impl Lines {
    /// Returns the lines in a log for people; each of ours is two words.
    fn of(&mut self, log: &[&str]) -> Result<Vec<Line>, String> {
        let said = |line: &&str| match line.rsplit_once("  ") {
            Some((_, text)) => Ok(self.number(text.to_owned())),
            None => Err(format!("`tempo log` prints `{line}`, which is no message")),
        };
        log.iter().map(said).collect()
    }

    fn number(&mut self, text: String) -> Line {
        self.0.insert_full(text).0
    }

    fn text(&self, line: Line) -> &str {
        self.0.get_index(line).map_or("", String::as_str)
    }
}

/// Returns a field of a line of a log.
pub(super) fn field(line: &str, name: &str) -> String {
    let entry: Value = serde_json::from_str(line).unwrap_or_default();
    entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "{\"author\":\"a\",\"text\":\"Ana 1\"}
{\"author\":\"b\",\"text\":\"Ben 1\"}
{\"author\":\"a\",\"text\":\"Ana 2\"}
{\"author\":\"b\",\"text\":\"Ben 2\"}
";

    /// Judges logs for people with these stable lines and these others.
    fn judge(parts: &[(Asked, &[&str], &[&str])]) -> Result<(), String> {
        let mut seen = StableParts::default();
        for (asked, stable, others) in parts {
            let lines = |lines: &[&str]| lines.iter().map(|line| format!("2026  x  {line}")).collect::<Vec<_>>();
            let said = [lines(stable), vec!["-- mark --".to_owned()], lines(others)].concat();
            let log = format!("tempo: a word\n{}\n", said.join("\n"));
            seen.note(asked.clone(), &log).unwrap();
        }
        let evidence = tempfile::NamedTempFile::new().unwrap();
        seen.agrees(LOG, evidence.path())
    }

    fn copy() -> Asked {
        Asked::Copy("Ana".to_owned())
    }

    fn store() -> Asked {
        Asked::Store("Ana".to_owned())
    }

    #[test]
    fn a_changed_stable_part_is_reported() {
        assert_eq!(judge(&[(copy(), &["Ana 1", "Ben 1"], &[])]), Ok(()));
        let found = |stable: &[&str], others: &[&str]| judge(&[(copy(), stable, others)]).unwrap_err();
        assert!(found(&["Ana 1", "Ana 2"], &["Ben 1"]).contains("1 have stayed; then came `Ana 2`, and now `Ben 1`"));
        assert!(found(&["Ana 1", "Ben 1", "Ana 2", "Ana 3"], &["Ben 2"]).contains("`Ana 3`, and now `Ben 2`"));
        assert!(found(&["Ana 1", "Ana 2", "Ana 3"], &[]).contains("`Ana 3`, and now `nothing`"));
    }

    #[test]
    fn a_changed_part_is_kept() {
        let mut seen = StableParts::default();
        seen.note(copy(), "x  Ana 2\n-- mark\nx  Ben 1\n").unwrap();
        let evidence = tempfile::NamedTempFile::new().unwrap();
        seen.agrees(LOG, evidence.path()).unwrap_err();
        let kept = fs::read_to_string(evidence.path()).unwrap();
        assert_eq!(kept, "who looked at Ana's folder\nAna 2\n-- \nBen 1\n");
    }

    #[test]
    fn messages_of_newcomers_may_come_before() {
        assert_eq!(judge(&[(copy(), &["Ana 1", "Ana 2"], &[])]), Ok(()));
        assert_eq!(judge(&[(store(), &["Ana 1", "Ana 2"], &[])]), Ok(()));
        // An observer of a copy has waited for every author with a message there.
        assert!(judge(&[(copy(), &["Ana 1", "Ana 2"], &["Ben 2"])]).is_err());
        // For the member this part was stable before it knew the other author.
        assert_eq!(judge(&[(store(), &["Ben 1", "Ana 1", "Ana 2"], &[])]), Ok(()));
        assert!(judge(&[(store(), &["Ana 1"], &["Ben 1", "Ana 2"]), (store(), &["Ana 1", "Ana 2"], &[])]).is_err());
        assert!(judge(&[(store(), &["Ana 1", "Ana 2", "Ben 2"], &[])]).is_err());
        assert_eq!(judge(&[(store(), &[], &["Ben 1"]), (store(), &["Ana 1", "Ben 1", "Ana 2"], &[])]), Ok(()));
    }
}
