//! Messages that are deeper in the folder than they belong.

use super::Scene;
use crate::play::member::{Member, all_read};
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "unpacked-into-itself",
        source: "cvat-ai/cvat#8508, jjdltc/jjdltc-cordova-plugin-zip#7",
        about: "An archive of the session is unpacked into a folder of the same name, or one folder deeper.",
        right: "a newcomer and a member are told where the messages are; moved up, all of them are read",
        needs: &[],
        wants: &[],
        play: unpacked_into_itself,
    },
    Scene {
        name: "sorted-into-folders",
        source: "owncloud/client#5192, cvat-ai/cvat#8508",
        about: "Someone sorts Ben's messages into a folder inside his directory.",
        right: "the doctor names that folder and calls no message foreign; Ben puts everything back by opening",
        needs: &[],
        wants: &[],
        play: sorted_into_folders,
    },
];

fn unpacked_into_itself(stage: &Stage) -> Outcome {
    stage.each(
        &["jam.session", "jam", "Downloads"],
        |inner| (*inner).to_owned(),
        |inner, stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.introduce("one")?;
            ben.introduce("two")?;
            ana.send(&["three"])?;
            let (folder, aside) = (stage.at("jam.session"), stage.at("aside"));
            tree::rename(&folder, &aside)?;
            tree::make_dir(&folder)?;
            tree::rename(&aside, &folder.join(inner))?;

            for member in [&cleo, &ana] {
                let checkup = member.doctor()?;
                let text = checkup.text();
                check(!checkup.attention().is_empty() && text.contains(&format!("jam.session/{inner}")), || {
                    format!("the doctor of {} does not say where the messages are:{text}", member.name)
                })?;
            }
            tree::rename(&folder.join(inner), &aside)?;
            tree::remove(&folder)?;
            tree::rename(&aside, &folder)?;
            all_read(&[&ana, &ben, &cleo], &["one", "two", "three"])?;
            [&ana, &ben, &cleo].into_iter().try_for_each(Member::is_well)
        },
    )
}

fn sorted_into_folders(stage: &Stage) -> Outcome {
    stage.each(
        &["2026", "old messages", "Archiv"],
        |name| (*name).to_owned(),
        |name, stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.introduce("one")?;
            ben.introduce("two")?;
            ana.send(&["three"])?;
            let own = ben.folder.join(ben.author()?);
            let sorted = own.join(name);
            tree::make_dir(&sorted)?;
            for message in tree::messages(&own)? {
                let file = message.file_name().map(|file| sorted.join(file)).unwrap_or_default();
                tree::rename(&message, &file)?;
            }
            let checkup = cleo.doctor()?;
            check(checkup.must("misplaced")?.text().contains(&format!("/{name}")), || checkup.text())?;
            check(checkup.find("foreign").is_none(), || checkup.text())?;

            ben.open()?;
            all_read(&[&ana, &ben, &cleo], &["one", "two", "three"])
        },
    )
}
