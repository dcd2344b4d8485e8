//! Reading an exported history back, into nothing but a report.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read},
};

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Digest, MessageId};

use crate::api::history::{Chain, FORMAT};

/// What an exported history contains, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HistoryReport {
    /// The number of messages.
    pub messages: u64,
    /// Their authors.
    pub authors: Vec<HistoryAuthor>,
    /// The earliest time of a message, by its author's clock, in milliseconds since 1970.
    pub first_ms: Option<i64>,
    /// The latest time of a message.
    pub last_ms: Option<i64>,
    /// The first problems, at most 100. Without any, the history is whole and as it was written.
    pub problems: Vec<HistoryProblem>,
}

/// An author in an exported history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HistoryAuthor {
    /// The author.
    pub author: AuthorId,
    /// Its last name there. Escape it before printing.
    pub name: Option<String>,
    /// The number of its messages.
    pub messages: u64,
}

/// Something that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HistoryProblem {
    /// The number of the line, from one.
    pub line: u64,
    /// The problem, for people.
    pub problem: &'static str,
}

/// The most problems in a report.
const PROBLEMS: usize = 100;
/// The longest line that is read, in bytes: more than the largest message takes as base64 or escaped.
const LONGEST: u64 = 64 << 20;

#[derive(Deserialize)]
struct First {
    history: String,
    format: u64,
    messages: u64,
}

#[derive(Deserialize)]
struct Last {
    end: bool,
    digest: Digest,
}

#[derive(Deserialize)]
struct Message {
    position: u64,
    id: MessageId,
    lamport: Lamport,
    unix_ms: i64,
    digest: Digest,
    name: Option<String>,
}

/// Reads an exported [`History`](crate::history::History) and reports what it contains and what is wrong with it: a line that is
/// missing, changed, out of order or too much, or an end that is missing. It is compared with no session.
///
/// Reads line by line, so that memory grows with the number of authors only. Line ends may be those of any system.
///
/// # Errors
///
/// Those of the input.
pub fn check(mut input: impl BufRead) -> io::Result<HistoryReport> {
    let mut check = Check::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(check.end());
        }
        while line.pop_if(|end| matches!(end, b'\n' | b'\r')).is_some() {}
        check.line(&line);
    }
}

#[derive(Default)]
struct Check {
    report: HistoryReport,
    lines: u64,
    announced: Option<u64>,
    before: Option<(Stamp, Digest)>,
    authors: BTreeMap<AuthorId, (Option<String>, u64)>,
    digest: Chain,
    has_ended: bool,
}

impl Check {
    fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        if self.has_ended {
            self.problem("a line after the end");
        } else if self.lines == 1 {
            self.first(line);
        } else if let Ok(Last { end: true, digest }) = serde_json::from_slice(line) {
            self.has_ended = true;
            if digest != self.digest.value() {
                self.problem("a line before this one was changed, removed or added");
            }
        } else {
            self.message(line);
        }
        self.digest.add(line);
    }

    fn first(&mut self, line: &[u8]) {
        match serde_json::from_slice::<First>(line) {
            Ok(first) if first.history == "tempo" && first.format == FORMAT => self.announced = Some(first.messages),
            Ok(first) if first.history == "tempo" => self.problem("this format is newer than this software"),
            _ => self.problem("this is not the first line of a history"),
        }
    }

    fn message(&mut self, line: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Message>(line) else {
            return self.problem("this is not a message");
        };
        let Message { position, id, lamport, unix_ms, digest, name } = message;
        if position != self.report.messages {
            self.problem("the position does not follow that of the line before");
        }
        let key = (Stamp { lamport, unix_ms, author: id.author }, digest);
        if self.before.replace(key).is_some_and(|before| before >= key) {
            self.problem("the message belongs before that of the line before");
        }
        // The next problem should be about the next line only.
        self.report.messages = position.saturating_add(1);
        self.report.first_ms = Some(self.report.first_ms.map_or(unix_ms, |first| first.min(unix_ms)));
        self.report.last_ms = self.report.last_ms.max(Some(unix_ms));
        let author = self.authors.entry(id.author).or_default();
        author.1 += 1;
        author.0 = name.or(author.0.take());
    }

    fn end(mut self) -> HistoryReport {
        let messages = self.authors.values().map(|(_, messages)| messages).sum();
        if !self.has_ended {
            self.lines += 1;
            self.problem("the end is missing");
        }
        if self.announced.is_some_and(|announced| announced != messages) {
            self.lines = 1;
            self.problem("there are not as many messages as this line says");
        }
        let authors = self.authors.into_iter();
        let authors = authors.map(|(author, (name, messages))| HistoryAuthor { author, name, messages }).collect();
        HistoryReport { messages, authors, ..self.report }
    }

    fn problem(&mut self, problem: &'static str) {
        if self.report.problems.len() < PROBLEMS {
            self.report.problems.push(HistoryProblem { line: self.lines, problem });
        }
    }
}
