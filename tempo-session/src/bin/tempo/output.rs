//! The appearance of messages, for people and for programs.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    path::Path,
};

use anstyle::{AnsiColor, Style};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use tempo_session::{Attachment, AuthorId, Entry, Status, history::printable_json, printable_text};

use crate::failure::Failure;

/// Prints a line to standard output, in color on a terminal only.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Prints an object on a line, readable for programs and safe for a terminal.
pub(crate) fn object(value: &Value) -> Result<(), Failure> {
    line(&safe(value))
}

/// Adds fields to an object.
pub(crate) fn with<const N: usize>(mut object: Value, fields: [(&str, Value); N]) -> Value {
    if let Value::Object(object) = &mut object {
        object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    object
}

/// Returns an object as text that is safe for a terminal.
pub(crate) fn safe(value: &Value) -> String {
    printable_json(&value.to_string())
}

/// Returns a path that is safe for a terminal.
pub(crate) fn path(path: &Path) -> String {
    printable_text(&path.display().to_string())
}

/// Returns a path as one word for a shell.
pub(crate) fn word(path: &Path) -> String {
    let path = self::path(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_+=./:\\".contains(c);
    if path.chars().all(is_plain) { path } else { format!("\"{path}\"") }
}

/// Returns whether a person types the input.
pub(crate) fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// Formats a message for people: its time by its author's clock, its author and its content.
pub(crate) fn for_people(entry: &Entry) -> String {
    let style = color_of(entry.author());
    let name = name_of(entry);
    format!("{}  {style}{name:<10}{style:#}  {}{}", written_at(entry), text_of(entry), files_for_people(entry))
}

/// Describes the files of a message in one line, for people.
fn files_for_people(entry: &Entry) -> String {
    let mut line = String::new();
    for Attachment { manifest, name, .. } in &entry.attachments {
        // Writing to a string cannot fail.
        let _ = write!(line, "  [{}, {}]", printable_text(name), size(manifest.length()));
    }
    line
}

/// Returns "34.2 MB".
pub(crate) fn size(bytes: u64) -> String {
    let mut unit = 1_u64;
    for name in ["bytes", "kB", "MB", "GB"] {
        if bytes < unit.saturating_mul(1000) {
            let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit.max(1));
            return if unit == 1 {
                counted(usize::try_from(whole).unwrap_or(0), "byte")
            } else {
                format!("{whole}.{tenth} {name}")
            };
        }
        unit = unit.saturating_mul(1000);
    }
    format!("{}.{} TB", bytes / unit, bytes % unit * 10 / unit)
}

/// Returns the name of an author, or the beginning of its uuid.
pub(crate) fn name_or_id(name: Option<&str>, author: AuthorId) -> String {
    name.map_or_else(|| short(author), printable_text)
}

/// Returns "you are Ana; 7 messages from 2 members".
pub(crate) fn who_and_how_much(status: &Status, who: Option<String>) -> String {
    if status.members.is_empty() && who.is_none() {
        return "no messages here yet".to_owned();
    }
    let who = who.unwrap_or_else(|| "an observer".to_owned());
    let (messages, members) = (counted(status.messages, "message"), counted(status.members.len(), "member"));
    format!("you are {who}; {messages} from {members}")
}

/// Returns "1 file" or "3 files".
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns the beginning of an author's uuid.
pub(crate) fn short(author: AuthorId) -> String {
    author.to_string().chars().take(8).collect()
}

pub(crate) fn name_of(entry: &Entry) -> String {
    name_or_id(entry.name.as_deref(), entry.author())
}

/// Returns the content, safe for a terminal.
pub(crate) fn text_of(entry: &Entry) -> String {
    match std::str::from_utf8(&entry.payload) {
        Ok(text) => printable_text(text),
        Err(_) => format!("({} bytes that are not text)", entry.payload.len()),
    }
}

/// Returns the beginning of the content in quotation marks, to identify a message.
pub(crate) fn quoted(entry: &Entry) -> String {
    const SHOWN: usize = 40;
    let text = text_of(entry);
    if std::str::from_utf8(&entry.payload).is_err() {
        return text;
    }
    match text.char_indices().nth(SHOWN).and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("\"{beginning}…\""),
        None => format!("\"{text}\""),
    }
}

/// Returns "Ben, Cleo and 3 more".
pub(crate) fn listed(names: impl IntoIterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let mut names = names.into_iter();
    let shown = names.by_ref().take(SHOWN).collect::<Vec<_>>().join(", ");
    match names.count() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns an author's color, which is the same in every run.
pub(crate) fn color_of(author: AuthorId) -> Style {
    const COLORS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Yellow,
        AnsiColor::Blue,
        AnsiColor::BrightRed,
    ];
    let last = usize::from(*author.as_bytes().last().unwrap_or(&0));
    let color = COLORS.get(last % COLORS.len()).copied().unwrap_or(AnsiColor::Cyan);
    Style::new().fg_color(Some(color.into()))
}

/// Returns when a message was written, by its author's clock.
pub(crate) fn written_at(entry: &Entry) -> String {
    time(entry.stamp.shown_unix_ms())
}

/// Formats a time in the local time zone.
pub(crate) fn time(unix_ms: i64) -> String {
    let shown = Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    shown.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
