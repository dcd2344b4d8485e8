//! Directories beside the session's folder: parts of it, copies of it, and those that may be
//! either.

use super::finding::FindingKind::{CopyBeside, SplitFolder, UndecidedFolder};
use crate::api::status::Status;
use crate::doctor::{
    finding::Finding,
    words::{counted, one_or_many},
};

/// Reports the directories beside the folder that are related to it.
pub(super) fn folders(status: &Status, findings: &mut Vec<Finding>) {
    let report = &status.report;
    for (names, finding) in
        [(&report.parts, parts as fn(u64) -> Finding), (&report.undecided, undecided), (&report.apart, copies)]
    {
        if !names.is_empty() {
            let finding = finding(names.len() as u64);
            findings.push(finding.files(names.iter().map(|name| (name.clone(), None)).collect()));
        }
    }
}

/// Reports the other parts of the folder.
fn parts(count: u64) -> Finding {
    let (folder, is, it) = (
        counted(count, "more folder"),
        one_or_many(count, "is", "are"),
        one_or_many(count, "It is read as a part", "They are read as parts"),
    );
    Finding::new(SplitFolder, format!("{folder} of this session {is} beside the session folder."))
        .meaning(format!(
            "Sync services create such a folder when two computers have each created a folder of the same name. {it} \
             of the session, and nothing is written there."
        ))
        .advice(
            "Leave it there, or move the directories of members that have none in the session folder into the session \
             folder. If it is another session after all, say so with `tempo parts FOLDER --apart NAME`: messages that \
             were read from it stay in this session, and no more are added.",
        )
}

/// Reports directories that may be parts or copies.
fn undecided(count: u64) -> Finding {
    let (folder, is, it) = (
        counted(count, "folder"),
        one_or_many(count, "is", "are"),
        one_or_many(count, "It is not read", "They are not read"),
    );
    Finding::new(
        UndecidedFolder,
        format!("{folder} that may be {} of this session {is} beside it.", one_or_many(count, "a part", "parts")),
    )
    .meaning(format!(
        "It is unclear whether a sync service has split this session, or a person has copied it or started another \
         one. {it}: if it is a part, messages are missing here."
    ))
    .advice(
        "Look into it with `tempo log`, then decide once: `tempo parts FOLDER --join NAME` if it is a part of this \
         session, `tempo parts FOLDER --apart NAME` if it is another one. A joined folder cannot be taken out again.",
    )
}

/// Reports copies that have continued independently.
fn copies(count: u64) -> Finding {
    let (folder, is) = (counted(count, "folder"), one_or_many(count, "is another session", "are other sessions"));
    Finding::new(CopyBeside, format!("{folder} beside the session folder {is} that began with messages of this one."))
        .info()
        .meaning("New messages there stay there, and new messages here stay here.")
        .advice("Nothing. If it is this session after all, say so with `tempo parts FOLDER --join NAME`.")
}
