//! `tempo parts`: related directories beside the session folder, and decisions about them.

use std::path::{Path, PathBuf};

use serde_json::json;
use tempo_session::{Decision, status::Report};

use crate::{
    arguments::{Local, Said},
    failure::Failure,
    log, member, output,
};

pub(crate) fn run(folder: &Path, local: &Local, said: &Said, json: bool) -> Result<(), Failure> {
    let decided = [(&said.join, Decision::Join), (&said.apart, Decision::Apart)];
    for (other, decision) in decided {
        if let Some(other) = other {
            member::builder(folder, local).decide(beside(folder, other), decision)?;
        }
    }
    let session = member::builder(folder, local).observe()?;
    log::refresh(&session, log::PATIENCE)?;
    let status = session.status();
    session.close()?;
    if json { output::object(&for_programs(&status.report)) } else { for_people(&status.report) }
}

/// Returns the path of a directory that was given as a path or as a name alone.
fn beside(folder: &Path, other: &Path) -> PathBuf {
    match folder.parent().map(|parent| parent.join(other)) {
        Some(path) if !other.exists() => path,
        _ => other.to_owned(),
    }
}

fn for_people(report: &Report) -> Result<(), Failure> {
    let lists = [
        (&report.parts, "a part of this session"),
        (&report.undecided, "perhaps a part of this session; not read"),
        (&report.apart, "another session"),
    ];
    if lists.iter().all(|(names, _)| names.is_empty()) {
        return output::line("no directory beside the session folder is related to it");
    }
    for (names, what) in lists {
        for name in names {
            output::line(&format!("{name}: {what}"))?;
        }
    }
    Ok(())
}

fn for_programs(report: &Report) -> serde_json::Value {
    json!({ "parts": report.parts, "undecided": report.undecided, "apart": report.apart })
}
