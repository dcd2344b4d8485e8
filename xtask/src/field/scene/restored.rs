//! A snapshot restores everything: the folder, and the local state with it.

use std::path::Path;
use std::process::Command;

use super::Scene;
use crate::field::needs::Need;
use crate::field::volume::{Kind, Volume};
use crate::play::member::all_read;
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, Stop, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "snapshot-put-back",
    source: "owncloud/client#5388, tursodatabase/turso#8129, submersion-app/submersion#309",
    about: "Ana's home goes back to a btrfs snapshot, with her folder and her state. She writes before or after the \
            service brings what is newer.",
    right: "nothing is lost, everybody has one order, and a number that was used twice shows both versions",
    needs: &[Need::Root, Need::Loop, Need::Tool("btrfs")],
    wants: &[],
    play: snapshot_put_back,
}];

fn snapshot_put_back(stage: &Stage) -> Outcome {
    stage.each(
        &["Ana writes first", "the service is first"],
        |order| (*order).to_owned(),
        |order, stage| {
            let volume = Volume::make(stage, Kind::Btrfs)?;
            let mounted = volume.mount()?;
            let (home, snapshot) = (mounted.point().join("home"), mounted.point().join("snapshot"));
            let btrfs = |words: &[&str], paths: &[&Path]| {
                stage.must(Command::new("btrfs").arg("subvolume").args(words).args(paths)).map(drop)
            };
            let (folder, cloud) = (home.join("jam.session"), stage.at("cloud"));
            btrfs(&["create"], &[&home])?;
            tree::make_dir(&folder)?;
            let ana = stage.member("Ana").opening(&folder).with_state(&home.join("state"));
            ana.send(&["one", "two", "three"])?;
            btrfs(&["snapshot"], &[&home, &snapshot])?;
            ana.send(&["four", "five"])?;
            tree::fill(&folder, &cloud)?;

            btrfs(&["delete"], &[&home])?;
            btrfs(&["snapshot"], &[&snapshot, &home])?;
            if *order == "the service is first" {
                tree::fill(&cloud, &folder)?;
            }
            ana.send(&["after the restore"])?;
            sync(&folder, &cloud)?;
            ana.send(&["later"])?;
            sync(&folder, &cloud)?;

            let ben = stage.member("Ben").opening(&cloud);
            tree::rename(&cloud, &stage.at("cloud.session"))?;
            let ben = ben.opening(&stage.at("cloud.session"));
            let log = ana.log()?;
            for text in ["one", "two", "three", "four", "five", "after the restore", "later"] {
                let count = log.texts().iter().filter(|other| **other == text).count();
                check(count == 1, || format!("`{text}` is in the log {count} times: {:?}", log.texts()))?;
            }
            all_read(&[&ana, &ben], &log.texts())?;
            check(log.texts().last() == Some(&"later"), || format!("the log is {:?}", log.texts()))?;
            let checkup = ben.doctor()?;
            // The member that used a number twice has continued as another author, and there is nothing left
            // to do.
            checkup.expect(&[])?;
            let is_used_twice = *order == "Ana writes first";
            check(checkup.find("fork").is_some() == is_used_twice, || format!("the forks are wrong:{}", checkup.text()))
        },
    )
}

/// Lets the service carry files both ways. Of two versions, it keeps the online one under the name and puts
/// the other beside it.
fn sync(folder: &Path, cloud: &Path) -> Outcome {
    for file in tree::messages(folder)? {
        let inside = file.strip_prefix(folder).map_err(|error| Stop::Wrong(error.to_string()))?;
        let online = cloud.join(inside);
        if online.exists() && tree::read(&online)? != tree::read(&file)? {
            let name = format!("{} (Ana's conflicted copy)", file.file_name().unwrap_or_default().to_string_lossy());
            tree::rename(&file, &file.with_file_name(name))?;
        }
    }
    tree::fill(folder, cloud)?;
    tree::fill(cloud, folder)
}
