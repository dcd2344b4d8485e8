//! A service splits the session folder and names the other part in the language of its user.

use super::Scene;
use crate::play::member::{Member, all_read};
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "split-in-another-language",
    source: "help.dropbox.com/installs-integrations/sync-uploads/selective-sync-conflict with its pages de-de and ja-jp, \
             help.dropbox.com/share/view-only-conflict with its pages de-de and id-id",
    about: "Ben's directory comes in a second folder beside the session. Its name has a tail in some language.",
    right: "the second folder is read, or the doctor names it and is not content; once Ben opens the session, nothing \
            is missing and nothing is there twice",
    needs: &[],
    wants: &[],
    play: split_in_another_language,
}];

const NAMES: [&str; 10] = [
    "jam (Selective Sync Conflict).session",
    "jam (Konflikt durch selektive Synchronisierung).session",
    "jam (選択型同期の競合).session",
    "jam.session (選択型同期の競合)",
    "jam (Conflicto de sincronización selectiva).session",
    "jam (Конфликт выборочной синхронизации).session",
    "jam (view only conflicts).session",
    "jam (Schreibschutzkonflikte).session",
    "jam (konflik lihat saja).session",
    "jam.session (konflik lihat saja)",
];

fn split_in_another_language(stage: &Stage) -> Outcome {
    stage.each(
        &NAMES,
        |name| (*name).to_owned(),
        |name, stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.send(&["one", "two", "three"])?;
            ben.send(&["four", "five"])?;
            let all = ["one", "two", "three", "four", "five"];
            let author = ben.author()?;
            let part = stage.at(name);
            tree::make_dir(&part)?;
            tree::rename(&ben.folder.join(&author), &part.join(&author))?;

            let log = cleo.log()?;
            if log.texts() != all {
                check(log.texts() == all[..3], || format!("Cleo reads {:?}", log.texts()))?;
                let checkup = cleo.doctor()?;
                check(!checkup.attention().is_empty() && checkup.text().contains(name), || {
                    format!("Cleo lacks two messages, and the doctor does not name the folder:{}", checkup.text())
                })?;
            }
            ben.open()?;
            ben.send(&["six"])?;
            all_read(&[&ana, &ben, &cleo], &["one", "two", "three", "four", "five", "six"])?;
            [&ana, &ben, &cleo].into_iter().try_for_each(no_gap)
        },
    )
}

fn no_gap(member: &Member) -> Outcome {
    let checkup = member.doctor()?;
    let lacks = ["gap", "held", "fork"].into_iter().any(|kind| checkup.find(kind).is_some());
    check(!lacks, || format!("the doctor of {} finds{}", member.name, checkup.text()))
}
