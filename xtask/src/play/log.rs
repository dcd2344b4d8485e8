//! The timeline as a member prints it.

use serde_json::Value;

use super::stop::{Outcome, Stop};

/// The output of `tempo log --json`.
#[derive(Debug)]
pub(crate) struct Log {
    /// The unchanged output, which is equal for all members with the same messages.
    pub(crate) json: String,
    pub(crate) lines: Vec<Line>,
    /// The command's standard error.
    pub(crate) said: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) author: String,
    /// The author's name, if it has given one.
    pub(crate) name: Option<String>,
    pub(crate) text: String,
}

impl Log {
    pub(crate) fn parse(json: String, said: String) -> Outcome<Self> {
        let line = |line: &str| {
            let row: Value = serde_json::from_str(line).ok()?;
            let word = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(Line { author: word("author")?, name: word("name"), text: word("text")? })
        };
        let line = |text| line(text).ok_or_else(|| Stop::Wrong(format!("`{text}` is no message")));
        Ok(Self { lines: json.lines().map(line).collect::<Outcome<_>>()?, json, said })
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }
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
