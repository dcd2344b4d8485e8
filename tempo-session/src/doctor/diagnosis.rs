//! From a status to findings.

use super::{
    around::{self, Surroundings},
    beside, contents, files,
    finding::Finding,
    foreign, history, members,
    words::People,
};
use crate::{api::status::Status, engine::event::FolderState};

/// Returns what is wrong: first everything that needs attention, then what is good to know.
///
/// Sentences shorten long lists; the numbers and files of a [`Finding`] are complete. Everything
/// that comes from the folder is escaped, so that it can be printed, except [`who`](Finding::who).
pub fn diagnose(status: &Status, around: &Surroundings) -> Vec<Finding> {
    let people = People::new(status, status.author.or(around.me));
    let mut findings = Vec::new();
    around::folder(status, around, &mut findings);
    around::store(status, around, &mut findings);
    // While the folder is away, only what had arrived before is known.
    let is_away = matches!(status.folder, FolderState::Detached { .. } | FolderState::Unreadable { .. });
    if !is_away {
        around::volume(around, &people, &mut findings);
        history::own(status, &mut findings);
    }
    history::vanished(around, &people, &mut findings);
    history::gaps(status, around, &people, &mut findings);
    if !is_away {
        contents::pending(status, &people, &mut findings);
    }
    foreign::misplaced(status, around, &people, &mut findings);
    if !is_away {
        foreign::in_places(status, &people, &mut findings);
        contents::converted(status, &people, &mut findings);
    }
    // Waiting messages come after their causes.
    history::members(status, around, &people, &mut findings);
    if !is_away {
        foreign::others(status, around, &people, &mut findings);
        contents::copies(status, around, &people, &mut findings);
        beside::folders(status, &mut findings);
        history::relayed(status, &people, &mut findings);
        around::service(status, around, &people, &mut findings);
        files::findings(&around.files, &people, &mut findings);
    }
    members::clocks(status, around, &people, &mut findings);
    members::copied_folder(around, &mut findings);
    members::successors(status, &people, &mut findings);
    members::lagging(status, around, &people, &mut findings);
    members::silence(status, around, &people, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}
