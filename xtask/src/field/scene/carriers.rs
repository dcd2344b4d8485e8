//! What carries the files changes their bytes.

use std::path::Path;
use std::process::Command;

use super::Scene;
use crate::field::log::all_read;
use crate::field::needs::Need;
use crate::field::stage::Stage;
use crate::field::stop::{Outcome, check};
use crate::field::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "line-endings",
    source: "xammen/BetterTrumpet#54, File-New-Project/EarTrumpet#1834, mtheall/ftpd#89",
    about: "Git or a transfer in text mode changes line endings in messages on their way to Ben. Ana's files are whole.",
    right: "a changed message is never shown and is named as damaged; once done what is advised, nothing is damaged, \
            and Ben reads everything",
    needs: &[Need::Tool("git")],
    wants: &[],
    play: line_endings,
}];

struct Row {
    name: &'static str,
    attributes: &'static str,
}

const ROWS: &[Row] = &[
    Row { name: "eol=crlf", attributes: "* text eol=crlf\n" },
    Row { name: "text in the session only", attributes: "*.session/** text eol=crlf\n" },
];

fn line_endings(stage: &Stage) -> Outcome {
    stage.each(
        ROWS,
        |row| row.name.to_owned(),
        |row, stage| {
            let (hers, his) = (stage.at("hers"), stage.at("his"));
            let folder = hers.join("jam.session");
            tree::make_dir(&folder)?;
            git(stage, &hers, &["init", "--quiet"])?;
            tree::write(&hers.join(".gitattributes"), row.attributes)?;
            let ana = stage.member("Ana").opening(&folder);
            let ben = stage.member("Ben").opening(&his.join("jam.session"));
            let lines: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
            let words: Vec<&str> = lines.iter().map(String::as_str).collect();
            ana.send(&words)?;
            ana.send(&["ten\nand more"])?;
            let texts: Vec<&str> = words.iter().copied().chain(["ten\nand more"]).collect();
            commit(stage, &hers)?;
            stage.must(Command::new("git").arg("clone").arg("--quiet").args([&hers, &his]))?;

            let log = ben.log()?;
            let is_whole = log.texts().iter().all(|text| texts.contains(text));
            check(is_whole && log.texts().len() < texts.len(), || format!("Ben reads {:?}", log.texts()))?;
            let checkup = ben.doctor()?;
            checkup.must("damaged")?;
            check(checkup.code == Some(1), || checkup.text())?;

            // Ana opens the session, as Ben was told; the carrier is told to leave the bytes alone.
            ana.open()?;
            commit(stage, &hers)?;
            pull(stage, &his)?;
            ben.open()?;
            ana.open()?;
            commit(stage, &hers)?;
            pull(stage, &his)?;
            let checkup = ben.doctor()?;
            check(checkup.find("damaged").is_none(), || format!("it is still damaged:{}", checkup.text()))?;
            all_read(&[&ana, &ben], &texts)
        },
    )
}

fn commit(stage: &Stage, at: &Path) -> Outcome {
    git(stage, at, &["add", "--all"])?;
    git(stage, at, &["commit", "--quiet", "--allow-empty", "--message", "sync"])
}

fn pull(stage: &Stage, at: &Path) -> Outcome {
    git(stage, at, &["pull", "--quiet"])
}

fn git(stage: &Stage, at: &Path, words: &[&str]) -> Outcome {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=field", "-c", "user.email=field@localhost"]).args(words).current_dir(at);
    stage.must(git.env("HOME", &stage.place).env("GIT_CONFIG_NOSYSTEM", "1")).map(drop)
}
