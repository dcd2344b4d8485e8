//! `tempo doctor`: what is wrong, what it means, and what to do.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tempo_session::{
    doctor::{Checkup, Finding, Loss, Severity},
    status::FolderState,
};

use crate::{arguments::Local, failure::Failure, member, output};

/// The longest that reading the folder may take, however large it is.
const PATIENCE: Duration = Duration::from_secs(600);
/// The most files shown for a finding.
const SHOWN: usize = 5;
/// The longest line, in characters.
const WIDTH: usize = 100;

pub(crate) fn run(folder: &Path, local: &Local, json: bool, fix: bool) -> Result<(), Failure> {
    let looked = look(folder, local, fix);
    match &looked {
        Ok((checkup, removed)) if json => output::object(&for_programs(checkup, &checkup.findings(), removed))?,
        Ok((checkup, removed)) => {
            for line in for_people(folder, checkup, &checkup.findings(), removed) {
                output::line(&line)?;
            }
        }
        Err(failure) if json => output::object(&json!({
            "looked": false, "error": failure.to_string(), "healthy": false, "findings": [],
        }))?,
        Err(_) => {}
    }
    let (checkup, _) = looked?;
    // An examination that failed gives no verdict.
    if error(&checkup).is_some() {
        return Err(Failure::Told { code: 2 });
    }
    if is_healthy(&checkup.findings()) { Ok(()) } else { Err(Failure::Told { code: 1 }) }
}

fn look(folder: &Path, local: &Local, fix: bool) -> Result<(Checkup, Vec<String>), Failure> {
    let builder = || member::builder(folder, local).patience(PATIENCE);
    let removed = if fix { builder().remove_redundant()? } else { Vec::new() };
    Ok((builder().check_up()?, removed))
}

/// Returns why the folder could not be examined, if so.
fn error(checkup: &Checkup) -> Option<&str> {
    match &checkup.status.folder {
        FolderState::Detached { why } | FolderState::Unreadable { why } => Some(why),
        _ => None,
    }
}

fn is_healthy(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity == Severity::Info)
}

fn for_people(folder: &Path, checkup: &Checkup, findings: &[Finding], removed: &[String]) -> Vec<String> {
    let status = &checkup.status;
    let who = checkup.surroundings.me.map(|author| status.names().of(author));
    let mut lines = vec![format!("{}: {}", output::path(folder), output::who_and_how_much(status, who))];
    for place in removed {
        lines.push(format!("removed {place}, which was equal to the message beside it"));
    }
    let (attention, info): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.severity == Severity::Attention);
    if attention.is_empty() {
        let verdict = if checkup.surroundings.store.is_known() {
            "Nothing is wrong."
        } else {
            "Nothing else is wrong, but it is unknown whether everything that you wrote is in the folder."
        };
        lines.extend([String::new(), verdict.to_owned()]);
    }
    let mut number = 0;
    for (heading, findings) in [("Needs attention", attention), ("Good to know", info)] {
        if !findings.is_empty() {
            lines.extend([String::new(), format!("{heading} ({})", findings.len())]);
        }
        for finding in findings {
            number += 1;
            lines.push(String::new());
            lines.extend(wrapped(&format!("{number:>2}. "), &finding.message));
            for file in finding.files.iter().take(SHOWN) {
                lines.push(format!("      {file}"));
            }
            if finding.files.len() > SHOWN {
                lines.push(format!("      and {} more; --json lists them", finding.files.len() - SHOWN));
            }
            lines.extend(wrapped("    Meaning: ", &finding.meaning));
            lines.push(format!("    Lost:    {}", lost(finding.lost)));
            lines.extend(wrapped("    To do:   ", &finding.advice));
        }
    }
    lines
}

fn lost(lost: Loss) -> &'static str {
    match lost {
        Loss::Nothing => "nothing",
        Loss::Elsewhere => "nothing, as long as the device that wrote it comes back",
        _ => "perhaps something",
    }
}

/// Wraps a text after its label, and aligns the further lines with its beginning.
fn wrapped(label: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(label.len());
    let mut lines = Vec::new();
    let (mut line, mut is_empty) = (label.to_owned(), true);
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

fn for_programs(checkup: &Checkup, findings: &[Finding], removed: &[String]) -> Value {
    let (status, error) = (&checkup.status, error(checkup));
    let unpublished = (checkup.surroundings.store.is_known() && error.is_none()).then_some(status.unpublished);
    json!({
        "author": checkup.surroundings.me.map(|author| author.to_string()),
        "healthy": is_healthy(findings),
        "looked": error.is_none(),
        "error": error,
        "unpublished": unpublished,
        "messages": status.messages,
        "members": status.members.len(),
        "service": checkup.surroundings.service,
        "removed": removed,
        "findings": findings,
    })
}
