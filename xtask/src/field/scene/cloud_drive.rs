//! A mounted cloud drive with a write cache.

use super::Scene;
use crate::field::needs::Need;
use crate::field::volume::{self, Kind};
use crate::play::member::{Member, all_read};
use crate::play::stage::{PATIENCE, Stage};
use crate::play::stop::Outcome;
use crate::process;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "write-cache",
    source: "rclone/rclone#4763, #8894, #9637",
    about: "The folder is on `rclone mount` with a write cache. Times of files change until they are uploaded.",
    right: "another user reads everything at once, the doctor raises no alarm, and the other side gets everything",
    needs: &[Need::Fuse, Need::Tool("rclone"), Need::Tool("fusermount3")],
    wants: &[],
    play: write_cache,
}];

fn write_cache(stage: &Stage) -> Outcome {
    volume::on(stage, Kind::Rclone, |volume, folder| {
        let [ana, ben] = ["Ana", "Ben"].map(|name| stage.member(name).opening(folder));
        let mut texts: Vec<String> = (0..15).map(|number| format!("line {number}")).collect();
        ana.send_slowly(&texts)?;
        all_read(&[&ben, &ana], &texts)?;
        ana.is_well()?;
        ben.send(&["an answer at once"])?;
        texts.push("an answer at once".to_owned());
        all_read(&[&ana, &ben], &texts)?;

        let cleo = stage.member("Cleo").opening(&volume.behind.join("jam.session"));
        let has_all = || cleo.log().is_ok_and(|log| log.lines.len() == texts.len());
        process::wait_until(PATIENCE, has_all).map_err(|why| format!("the upload: {why}"))?;
        all_read(&[&cleo], &texts)?;
        [&ana, &ben, &cleo].into_iter().try_for_each(Member::is_well)
    })
}
