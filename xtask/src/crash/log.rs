//! The output of `tempo log --json`, for comparison.

use std::collections::BTreeMap;

use serde_json::Value;

/// A timeline: the message under each author and counter.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Log {
    /// The messages without their positions, because an insertion moves them.
    entries: BTreeMap<(String, u64), Value>,
}

impl Log {
    /// Reads the output of the command.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut log = Self::default();
        for line in text.lines() {
            let mut entry: Value = serde_json::from_str(line).map_err(|error| format!("{error} in {line}"))?;
            let author = entry.get("author").and_then(Value::as_str).map(str::to_owned);
            let counter = entry.get("counter").and_then(Value::as_u64);
            let (Some(author), Some(counter)) = (author, counter) else {
                return Err(format!("no message: {line}"));
            };
            if let Some(fields) = entry.as_object_mut() {
                fields.remove("position");
            }
            if log.entries.insert((author.clone(), counter), entry).is_some() {
                return Err(format!("message {counter} of {author} is in the log twice"));
            }
        }
        Ok(log)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the log has a message with this id, as `tempo send` prints it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.entry(id).is_some()
    }

    /// Returns whether this message has this text.
    pub(super) fn says(&self, id: &str, text: &str) -> bool {
        self.entry(id).is_some_and(|entry| text_of(entry) == Some(text))
    }

    /// Returns the number of messages with this text.
    pub(super) fn count(&self, text: &str) -> usize {
        self.entries.values().filter(|entry| text_of(entry) == Some(text)).count()
    }

    /// Returns the first message of another log that is not here with the same content.
    pub(super) fn lacks(&self, other: &Self) -> Option<String> {
        let lost = other.entries.iter().find(|(id, entry)| self.entries.get(id) != Some(entry));
        lost.map(|((author, counter), entry)| {
            let there = self.entries.get(&(author.clone(), *counter));
            let there = there.map_or("nothing".to_owned(), ToString::to_string);
            format!("{entry} is to be there, and there is {there}")
        })
    }

    fn entry(&self, id: &str) -> Option<&Value> {
        let (author, counter) = id.split_once('/')?;
        self.entries.get(&(author.to_owned(), u64::from_str_radix(counter, 16).ok()?))
    }
}

fn text_of(entry: &Value) -> Option<&str> {
    entry.get("text")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"author":"a","counter":17,"digest":"d","position":0,"text":"one"}"#;

    #[test]
    fn a_message_is_known_by_its_id_and_its_text() {
        let log = Log::read(ONE).unwrap();
        assert!(log.has("a/0000000000000011") && !log.has("a/0000000000000012") && !log.has("b/0000000000000011"));
        assert!(log.says("a/0000000000000011", "one") && !log.says("a/0000000000000011", "two"));
        assert_eq!((log.len(), log.count("one"), log.count("two")), (1, 1, 0));
    }

    #[test]
    fn lost_changed_and_duplicated_messages_show() {
        let log = Log::read(ONE).unwrap();
        let moved = Log::read(&ONE.replace(r#""position":0"#, r#""position":7"#)).unwrap();
        assert_eq!(log.lacks(&moved), None);
        for other in [ONE.replace("17", "18"), ONE.replace(r#""d""#, r#""e""#)] {
            assert!(log.lacks(&Log::read(&other).unwrap()).is_some(), "{other}");
        }
        assert!(Log::read(&format!("{ONE}\n{ONE}")).is_err());
    }
}
