//! `tempo export`: the history as lines of JSON, and a check of such lines.

use std::{io::BufReader, path::Path};

use serde_json::json;
use tempo_fs_transport::open_outside;
use tempo_session::{
    history::{self, HistoryReport},
    printable_text,
};

use crate::{
    arguments::Local,
    failure::Failure,
    log, member,
    output::{self, counted, name_or_id},
    unread,
};

pub(crate) fn run(folder: &Path, local: &Local) -> Result<(), Failure> {
    let session = member::visit(folder, local)?;
    log::refresh(&session, log::PATIENCE)?;
    session.history().try_for_each(|line| output::line(&line?))?;
    let held = session.held();
    if held > 0 {
        let messages = counted(held, "message");
        eprintln!("tempo: {messages} that wait for others are not in it; `tempo doctor` says what they wait for");
    }
    unread::tell(&session.status(), false);
    member::leave(session)
}

/// Reads an export, and says what it contains and what is wrong with it.
pub(crate) fn check(file: &Path, json: bool) -> Result<(), Failure> {
    let opened = open_outside(file).map_err(Failure::Input)?;
    let report = history::check(BufReader::new(opened)).map_err(Failure::Input)?;
    if json {
        output::object(&json!(report))?;
    } else {
        for_people(file, &report)?;
    }
    if report.problems.is_empty() { Ok(()) } else { Err(Failure::Told { code: 1 }) }
}

fn for_people(file: &Path, report: &HistoryReport) -> Result<(), Failure> {
    let count = |count: u64, what| counted(usize::try_from(count).unwrap_or(usize::MAX), what);
    let (messages, authors) = (count(report.messages, "message"), counted(report.authors.len(), "author"));
    output::line(&format!("{}: {messages} by {authors}", output::path(file)))?;
    if let Some((first, last)) = report.first_ms.zip(report.last_ms) {
        output::line(&format!("written from {} to {}", output::time(first), output::time(last)))?;
    }
    for author in &report.authors {
        let name = name_or_id(author.name.as_deref(), author.author);
        output::line(&format!("  {name:<12} {}", count(author.messages, "message")))?;
    }
    for problem in &report.problems {
        output::line(&format!("line {}: {}", problem.line, printable_text(problem.problem)))?;
    }
    output::line(if report.problems.is_empty() { "It is whole." } else { "It is not whole, or was changed." })
}
