//! The disk of the folder is away, and its member still names the folder: through a link, and in another
//! case.

use std::fs;
use std::os::unix::fs::symlink;

use super::Stage;
use crate::play::stop::{Outcome, check};

/// Sends while the disk is away; everything must be in the folder once the disk is back. The link is Linux's,
/// because Wine makes none; a Windows program goes through it without seeing it.
pub(super) fn spelled(stage: &Stage) -> Outcome {
    let (disk, unplugged) = (stage.play.at("disk"), stage.play.at("unplugged"));
    let link = stage.play.at("Dropbox");
    let made = fs::create_dir_all(disk.join("Music/jam.session")).and_then(|()| symlink(disk.join("Music"), &link));
    made.map_err(|error| error.to_string())?;
    let mut ana = stage.windows("ana");
    ana.folder = link.join("jam.session");
    ana.ask(&["send", "here"])?;
    fs::rename(&disk, &unplugged).map_err(|error| error.to_string())?;
    ana.ask(&["send", "away"])?;
    ana.folder = link.join("JAM.Session");
    ana.ask(&["send", "away and loud"])?;
    fs::rename(&unplugged, &disk).map_err(|error| error.to_string())?;
    ana.folder = link.join("jam.session");
    ana.ask(&["status"])?;
    let mut ben = stage.linux("ben");
    ben.folder.clone_from(&ana.folder);
    let log = ben.log()?;
    check(log.texts() == ["here", "away", "away and loud"], || format!("the log says {}", log.json))
}
