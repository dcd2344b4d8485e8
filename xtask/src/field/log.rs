//! The timeline as a member prints it.

use serde_json::Value;

use super::member::Member;
use super::stop::{Outcome, Stop, check};

/// The output of `tempo log --json`.
#[derive(Debug)]
pub(super) struct Log {
    /// The output as it is; equal for all who have the same messages.
    pub(super) json: String,
    pub(super) lines: Vec<Line>,
    /// What the command said on standard error.
    pub(super) said: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) author: String,
    /// The author's name, if it has given one.
    pub(super) name: Option<String>,
    pub(super) text: String,
}

impl Log {
    pub(super) fn parse(json: String, said: String) -> Outcome<Self> {
        let line = |line: &str| {
            let row: Value = serde_json::from_str(line).ok()?;
            let word = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(Line { author: word("author")?, name: word("name"), text: word("text")? })
        };
        let line = |text| line(text).ok_or_else(|| Stop::Wrong(format!("`{text}` is no message")));
        Ok(Self { lines: json.lines().map(line).collect::<Outcome<_>>()?, json, said })
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }
}

/// Every member prints exactly these texts in this order, and all logs are equal byte for byte.
pub(super) fn all_read<T: AsRef<str>>(members: &[&Member], texts: &[T]) -> Outcome {
    let texts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
    let mut first: Option<String> = None;
    for member in members {
        let log = member.log()?;
        check(log.texts() == texts, || {
            format!("{} reads {:?} instead of {texts:?}; it says: {}", member.name, log.texts(), log.said.trim())
        })?;
        let json = first.get_or_insert_with(|| log.json.clone());
        check(*json == log.json, || format!("the log of {} differs: {}\nand\n{json}", member.name, log.json))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_lines_of_objects() {
        let json =
            "{\"author\":\"a\",\"name\":null,\"text\":\"one\"}\n{\"author\":\"b\",\"name\":\"Ben\",\"text\":\"two\"}\n";
        let log = Log::parse(json.to_owned(), String::new()).unwrap();
        assert_eq!(log.texts(), ["one", "two"]);
        let names: Vec<_> = log.lines.iter().map(|line| line.name.as_deref()).collect();
        assert_eq!(names, [None, Some("Ben")]);
        assert!(Log::parse("{}\n".to_owned(), String::new()).is_err());
    }
}
