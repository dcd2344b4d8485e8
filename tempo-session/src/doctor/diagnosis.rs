//! From how things stand to what is wrong.

use super::{
    around::{self, Surroundings},
    beside, contents,
    finding::Finding,
    foreign, history, members,
    words::People,
};
use crate::{api::status::Status, engine::event::Attachment};

/// What is wrong, the worst first: everything that wants attention, then what is good to know.
///
/// Long lists are cut in the sentences and whole in the numbers and files of a [`Finding`]. Everything that comes from
/// the folder is escaped, so that it can be printed; but [`who`](Finding::who) is not.
pub fn diagnose(status: &Status, around: &Surroundings) -> Vec<Finding> {
    let people = People::new(status, status.author.or(around.me));
    let mut findings = Vec::new();
    around::folder(status, around, &mut findings);
    around::store(status, around, &mut findings);
    // Of a folder that is away nothing is known but what had arrived before.
    let is_away = matches!(status.attachment, Attachment::Detached { .. } | Attachment::Unreadable { .. });
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
    // What waits comes after its causes.
    history::members(status, around, &people, &mut findings);
    if !is_away {
        foreign::others(status, around, &people, &mut findings);
        contents::copies(status, around, &people, &mut findings);
        beside::folders(status, &mut findings);
        history::relayed(status, &people, &mut findings);
        around::service(status, around, &people, &mut findings);
    }
    members::clocks(status, around, &people, &mut findings);
    members::copied_folder(around, &mut findings);
    members::successors(status, &people, &mut findings);
    members::lagging(status, around, &people, &mut findings);
    members::silence(status, around, &people, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}
