//! People copy a session: to begin the next song, or to move it.

use super::Scene;
use crate::play::member::all_read;
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "copied-for-the-next-song",
        source: "Logic Express 8, Saving Projects: manualowl.com/m/Apple/MB792Z%2FA/Manual/249314?page=180; \
                 Save Live Set As: help.ableton.com 115000915804",
        about: "Someone copies a session to begin the next song, under a name that continues the first one.",
        right: "what is written in one song is never in the other, also after one of them is gone",
        needs: &[],
        wants: &[],
        play: copied_for_the_next_song,
    },
    Scene {
        name: "moved-by-copying",
        source: "brandur.org/fragments/careful-with-dropbox",
        about: "Ana copies the shared directory to a bigger disk. The old one stays for a while.",
        right: "she stays the same member, or keeps her name and is told where the other folder is",
        needs: &[],
        wants: &[],
        play: moved_by_copying,
    },
];

const SONGS: [&str; 6] = [
    "Track 2.session",
    "Track (2).session",
    "Track (1).session",
    "Track - Copy.session",
    "Track copy.session",
    "Track Kopie.session",
];

fn copied_for_the_next_song(stage: &Stage) -> Outcome {
    stage.each(
        &SONGS,
        |song| (*song).to_owned(),
        |song, stage| {
            let (old, new) = (stage.at("Track.session"), stage.at(song));
            tree::make_dir(&old)?;
            let [ana, ben, cleo] = ["Ana", "Ben", "Cleo"].map(|name| stage.member(name).opening(&old));
            ana.introduce("chorus")?;
            ben.introduce("verse")?;
            stage.copy(&old, &new)?;

            ana.opening(&new).send(&["for the new song"])?;
            ben.send(&["for the old song"])?;
            ben.opening(&new).send(&["new as well"])?;
            ana.send(&["old as well"])?;
            let old_texts = ["chorus", "verse", "for the old song", "old as well"];
            let new_texts = ["chorus", "verse", "for the new song", "new as well"];
            all_read(&[&ana, &ben, &cleo], &old_texts)?;
            let readers = [&ana, &ben, &cleo].map(|member| member.opening(&new));
            all_read(&readers.each_ref(), &new_texts)?;
            for member in readers.iter().chain([&ana, &ben, &cleo]) {
                let checkup = member.doctor()?;
                check(checkup.find("fork").is_none() && checkup.find("gap").is_none(), || checkup.text())?;
            }

            tree::remove(&new)?;
            all_read(&[&ana, &ben, &cleo], &old_texts)
        },
    )
}

/// The fate of the old place.
const OLD: [&str; 3] =
    ["the old folder stays", "the old folder goes after the first look", "the old folder goes first"];

fn moved_by_copying(stage: &Stage) -> Outcome {
    stage.each(
        &OLD,
        |old| (*old).to_owned(),
        |fate, stage| {
            let (old, disk) = (stage.at("old"), stage.at("disk"));
            tree::make_dir(&old.join("jam.session"))?;
            tree::make_dir(&disk)?;
            let [ana, ben] = ["Ana", "Ben"].map(|name| stage.member(name).opening(&old.join("jam.session")));
            ben.introduce("hello")?;
            ana.introduce("good morning")?;
            let before = ana.author()?;
            stage.copy(&old.join("jam.session"), &disk)?;
            if *fate == OLD[2] {
                tree::remove(&old)?;
            }

            let there = disk.join("jam.session");
            let [ana, ben] = [ana, ben].map(|member| member.opening(&there));
            all_read(&[&ana], &["hello", "good morning"])?;
            let told = ana.doctor()?.text();
            if *fate == OLD[1] {
                tree::remove(&old)?;
            }
            let said = ana.send(&["from the new disk"])?;
            let is_same = ana.author()? == before;
            check(is_same || *fate == OLD[0], || "Ana is another member, though there is no other folder".to_owned())?;
            let names_old = |text: &str| text.contains("old/jam.session");
            check(is_same || names_old(&said) || names_old(&told) && names_old(&ana.doctor()?.text()), || {
                format!("Ana is another member now, and nothing tells her: {said}{told}")
            })?;
            all_read(&[&ana, &ben], &["hello", "good morning", "from the new disk"])?;
            let log = ana.log()?;
            let name = log.lines.last().and_then(|line| line.name.clone());
            check(name.as_deref() == Some("Ana"), || format!("her name is {name:?} on the new disk"))
        },
    )
}
