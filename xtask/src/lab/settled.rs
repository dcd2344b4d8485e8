//! What members have said to be settled, to be compared with what everybody has in the end.

use std::collections::BTreeSet;

use serde_json::Value;

use super::member::Member;

/// The settled parts that were seen.
#[derive(Debug, Default)]
pub(super) struct Settled {
    seen: Vec<Part>,
}

/// A settled part, and what else was there then, by what the lines say.
#[derive(Debug)]
struct Part {
    name: String,
    settled: Vec<String>,
    others: Vec<String>,
}

/// How the line begins that `tempo log` puts after what is settled.
const MARK: &str = "-- ";

impl Settled {
    /// Notes what is settled for a member now.
    pub(super) fn sample(&mut self, member: Option<&Member>) -> Result<(), String> {
        let Some(member) = member else { return Ok(()) };
        let log = member.marked_log()?;
        // What else it says to people is not of the timeline.
        let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with("tempo: ")).collect();
        let end = lines.iter().position(|line| line.starts_with(MARK)).unwrap_or(lines.len());
        let (settled, others) = lines.split_at(end);
        let texts = |lines: &[&str]| lines.iter().map(|line| said(line)).collect::<Result<_, _>>();
        let others: Vec<&str> = others.iter().skip(1).copied().collect();
        self.seen.push(Part { name: member.name.clone(), settled: texts(settled)?, others: texts(&others)? });
        Ok(())
    }

    /// How many were noted, and how long the longest was.
    pub(super) fn extent(&self) -> (usize, usize) {
        (self.seen.len(), self.seen.iter().map(|part| part.settled.len()).max().unwrap_or(0))
    }

    /// Each is the beginning of the final timeline, but for messages of those who were not known then: who joins has seen
    /// less, and may come before.
    pub(super) fn agrees(&self, log: &str) -> Result<(), String> {
        let last: Vec<_> = log.lines().map(|line| (field(line, "text"), field(line, "author"))).collect();
        for Part { name, settled, others } in &self.seen {
            let was_there: BTreeSet<&String> = settled.iter().chain(others).collect();
            let known: BTreeSet<_> =
                last.iter().filter(|(text, _)| was_there.contains(text)).map(|(_, author)| author).collect();
            let last = last.iter().filter(|(_, author)| known.contains(author)).map(|(text, _)| text);
            let same = settled.iter().zip(last.clone()).take_while(|(one, other)| one == other).count();
            if same < settled.len() {
                let (was, is) = (settled.get(same), last.clone().nth(same));
                let count = settled.len();
                return Err(format!(
                    "of {count} settled for {name}, {same} have stayed; then came {was:?}, and now {is:?}"
                ));
            }
        }
        Ok(())
    }
}

/// What a line of a log for people says; each of ours is two words.
fn said(line: &str) -> Result<String, String> {
    let said = line.rsplit_once("  ").map(|(_, text)| text.to_owned());
    said.ok_or_else(|| format!("`tempo log` prints `{line}`, which is no message"))
}

/// A field of a line of a log.
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
";

    fn seen(settled: &[&str], others: &[&str]) -> Settled {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Settled { seen: vec![Part { name: "Ana".to_owned(), settled: owned(settled), others: owned(others) }] }
    }

    #[test]
    fn a_settled_part_that_changed_is_told() {
        assert_eq!(seen(&["Ana 1", "Ben 1"], &[]).agrees(LOG), Ok(()));
        assert!(seen(&["Ana 1", "Ana 2"], &["Ben 1"]).agrees(LOG).unwrap_err().contains("1 have stayed"));
        assert!(seen(&["Ana 1", "Ben 1", "Ana 2", "Ana 3"], &[]).agrees(LOG).is_err());
    }

    #[test]
    fn who_was_not_known_may_come_before() {
        assert_eq!(seen(&["Ana 1", "Ana 2"], &[]).agrees(LOG), Ok(()));
    }
}
