//! The timeline as lines of JSON, for archives and other programs.

use std::fmt::Write as _;

use serde_json::json;
use tempo_message::{Digest, printable_text};

use crate::{
    api::{session::Session, timeline::Timeline},
    errors::ReadError,
};

/// The version of the format that is written, and the only one that is read.
pub(crate) const FORMAT: u64 = 1;

/// The timeline at one moment, as lines of JSON without their ends: a first line, a line for each message in the order that
/// all members share, and a last line with a digest of all lines before it. `docs/JSON.md` describes them.
///
/// The lines are safe for a terminal: unusual characters are escaped as JSON allows it.
#[derive(Debug, Clone)]
pub struct History {
    timeline: Timeline,
    messages: usize,
    digest: Chain,
    is_begun: bool,
    is_over: bool,
}

impl Session {
    /// Returns every message of the application as a line of JSON, as of now. Messages that wait for others are not in it,
    /// nor is the content of files. [`check`](crate::history::check) reads the lines back.
    pub fn history(&self) -> History {
        let timeline = self.timeline();
        let messages = timeline.len();
        History { timeline, messages, digest: Chain::default(), is_begun: false, is_over: false }
    }
}

impl Iterator for History {
    type Item = Result<String, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let line = if !self.is_begun {
            self.is_begun = true;
            printable_json(&json!({ "history": "tempo", "format": FORMAT, "messages": self.messages }).to_string())
        } else if let Some(entry) = self.timeline.next() {
            match entry {
                Ok(entry) => printable_json(&json!(entry).to_string()),
                Err(error) => {
                    // Without its last line it does not pass for a whole one.
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        } else {
            self.is_over = true;
            return Some(Ok(json!({ "end": true, "digest": self.digest.value() }).to_string()));
        };
        self.digest.add(line.as_bytes());
        Some(Ok(line))
    }
}

/// A digest of lines: that of the one before it and the line.
#[derive(Debug, Clone)]
pub(crate) struct Chain(Digest);

impl Default for Chain {
    fn default() -> Self {
        Self(Digest::of(b""))
    }
}

impl Chain {
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.0 = Digest::of(&[self.0.as_bytes().as_slice(), line].concat());
    }

    pub(crate) fn value(&self) -> Digest {
        self.0
    }
}

/// Escapes characters that could disturb a terminal or deceive a reader. Such characters are in strings only, where JSON may
/// represent them by their UTF-16 code; the value stays the same.
pub fn printable_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if printable_text(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
