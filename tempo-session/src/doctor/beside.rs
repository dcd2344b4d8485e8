//! What lies beside the session's folder: other pieces of it, copies of it, and what may be either.

use super::finding::FindingKind::{CopyBeside, SplitFolder, UndecidedFolder};
use crate::api::status::Status;
use crate::doctor::{
    finding::Finding,
    words::{counted, one_or_many},
};

/// The directories beside the folder that have to do with it.
pub(super) fn folders(status: &Status, findings: &mut Vec<Finding>) {
    let report = &status.report;
    for (names, finding) in
        [(&report.pieces, pieces as fn(u64) -> Finding), (&report.undecided, undecided), (&report.apart, copies)]
    {
        if !names.is_empty() {
            let finding = finding(names.len() as u64);
            findings.push(finding.files(names.iter().map(|name| (name.clone(), None)).collect()));
        }
    }
}

/// The other pieces of the folder.
fn pieces(count: u64) -> Finding {
    let (folder, lies, it) = (
        counted(count, "more folder"),
        one_or_many(count, "lies", "lie"),
        one_or_many(count, "It is read as a part", "They are read as parts"),
    );
    Finding::new(SplitFolder, format!("{folder} of this session {lies} beside the session folder."))
        .meaning(format!(
            "Sync services make such a folder when a folder of the same name has come from two computers. {it} of the \
             session, and nothing is written there."
        ))
        .advice(
            "Let it be; or move into the session folder the directories of those members who have none in there. If it is \
             another session all the same, say so with `tempo pieces FOLDER --apart NAME`: what has been read from it stays \
             in this one, and nothing more comes.",
        )
}

/// What may be a piece or a copy.
fn undecided(count: u64) -> Finding {
    let (folder, lies, it) = (
        counted(count, "folder"),
        one_or_many(count, "lies", "lie"),
        one_or_many(count, "It is not read", "They are not read"),
    );
    Finding::new(
        UndecidedFolder,
        format!("{folder} that may be {} of this session {lies} beside it.", one_or_many(count, "a part", "parts")),
    )
    .meaning(format!(
        "Nothing shows whether a sync service has split this session, or somebody has copied it or begun another one. {it}: if \
         it is a part, messages are missing here."
    ))
    .advice(
        "Look into it with `tempo log`, then say what it is, once: `tempo pieces FOLDER --join NAME` if it is a part of this \
         session, `tempo pieces FOLDER --apart NAME` if it is another one. What is joined cannot be taken out again.",
    )
}

/// Copies that go on by themselves.
fn copies(count: u64) -> Finding {
    let (folder, is) = (counted(count, "folder"), one_or_many(count, "is another session", "are other sessions"));
    Finding::new(CopyBeside, format!("{folder} beside the session folder {is} that began with messages of this one."))
        .info()
        .meaning("What is written there stays there, and what is written here stays here.")
        .advice("Nothing. If it is this session all the same, say so with `tempo pieces FOLDER --join NAME`.")
}
