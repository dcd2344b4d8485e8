//! Programs that change the bytes of the files that they carry.

use std::path::Path;
use std::process::Command;

use super::Scene;
use crate::field::needs::Need;
use crate::play::checkup::Checkup;
use crate::play::member::all_read;
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, Stop, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "line-endings",
    source: "xammen/BetterTrumpet#54, File-New-Project/EarTrumpet#1834, mtheall/ftpd#89",
    about: "Git or a transfer in text mode changes line endings in messages on their way to Ben. Ana's files are whole.",
    right: "a changed message is read as it was written, or it is named as damaged; once done what is advised, nothing \
            is damaged, and Ben reads everything",
    needs: &[Need::Tool("git")],
    wants: &[],
    play: line_endings,
}];

/// A program that carries files from Ana's directory to Ben's.
struct Carrier {
    name: &'static str,
    prepare: fn(&Stage) -> Outcome,
    /// Carries the new files.
    carry: fn(&Stage) -> Outcome,
    /// Makes the carrier leave all bytes alone, and carries everything again.
    repair: fn(&Stage) -> Outcome,
}

const CARRIERS: &[Carrier] = &[
    Carrier {
        name: "git, every file is text",
        prepare: |stage| begin(stage, "* text eol=crlf\n"),
        carry: carry_by_git,
        repair: repair_git,
    },
    Carrier {
        name: "git, the session is text",
        prepare: |stage| begin(stage, "*.session/** text eol=crlf\n"),
        carry: carry_by_git,
        repair: repair_git,
    },
    Carrier {
        name: "a transfer in text mode",
        prepare: |stage| tree::make_dir(&stage.at("his")),
        carry: |stage| transfer(stage, true),
        repair: |stage| {
            tree::remove(&stage.at("his"))?;
            transfer(stage, false)
        },
    },
];

fn line_endings(stage: &Stage) -> Outcome {
    stage.each(
        CARRIERS,
        |carrier| carrier.name.to_owned(),
        |carrier, stage| {
            let [hers, his] = ["hers", "his"].map(|side| stage.at(side).join("jam.session"));
            tree::make_dir(&hers)?;
            (carrier.prepare)(stage)?;
            let (ana, ben) = (stage.member("Ana").opening(&hers), stage.member("Ben").opening(&his));
            let lines: Vec<String> = (0..60).map(|number| format!("line {number}")).collect();
            let mut texts: Vec<&str> = lines.iter().map(String::as_str).collect();
            ana.send(&texts)?;
            texts.push("ten\nand more");
            ana.send(&["ten\nand more"])?;
            (carrier.carry)(stage)?;
            check(tree::messages(&hers)?.iter().any(|file| has_changed(file, &hers, &his)), || {
                "no message was changed on the way".to_owned()
            })?;

            let log = ben.log()?;
            check(log.texts().iter().all(|text| texts.contains(text)), || format!("Ben reads {:?}", log.texts()))?;
            if log.texts() != texts {
                let checkup = ben.doctor()?;
                checkup.must("damaged")?;
                check(checkup.code == Some(1), || checkup.text())?;
                ana.open()?;
                (carrier.carry)(stage)?;
                if speaks_of_carriers(&checkup) {
                    (carrier.repair)(stage)?;
                }
            }
            let checkup = ben.doctor()?;
            check(checkup.find("damaged").is_none(), || format!("it is still damaged:{}", checkup.text()))?;
            all_read(&[&ana, &ben], &texts)
        },
    )
}

/// Returns whether the doctor advises to look at the programs that carry the files.
fn speaks_of_carriers(checkup: &Checkup) -> bool {
    let advice = checkup.find("damaged").map(|damaged| damaged.advice.to_lowercase()).unwrap_or_default();
    ["line ending", "binary", "text mode", "as text", "gitattributes"].iter().any(|word| advice.contains(word))
}

fn has_changed(file: &Path, hers: &Path, his: &Path) -> bool {
    let inside = file.strip_prefix(hers).unwrap_or(file);
    let arrived = tree::read(&his.join(inside));
    arrived.is_ok_and(|arrived| tree::read(file).is_ok_and(|bytes| bytes != arrived))
}

fn begin(stage: &Stage, attributes: &str) -> Outcome {
    git(stage, "hers", &["init", "--quiet"])?;
    tree::write(&stage.at("hers").join(".gitattributes"), attributes)
}

fn carry_by_git(stage: &Stage) -> Outcome {
    git(stage, "hers", &["add", "--all"])?;
    git(stage, "hers", &["commit", "--quiet", "--allow-empty", "--message", "sync"])?;
    if stage.at("his").exists() {
        return git(stage, "his", &["pull", "--quiet"]);
    }
    git(stage, ".", &["clone", "--quiet", "hers", "his"])
}

fn repair_git(stage: &Stage) -> Outcome {
    tree::write(&stage.at("hers").join(".gitattributes"), "*.session/** -text\n")?;
    git(stage, "hers", &["add", "--renormalize", "."])?;
    carry_by_git(stage)?;
    git(stage, "his", &["rm", "-r", "--quiet", "--cached", "."])?;
    git(stage, "his", &["reset", "--quiet", "--hard"])
}

/// Copies the missing files. In text mode, every line feed gets a carriage return before it.
fn transfer(stage: &Stage, is_text: bool) -> Outcome {
    let [hers, his] = ["hers", "his"].map(|side| stage.at(side));
    for file in tree::files(&hers)? {
        let target = his.join(file.strip_prefix(&hers).map_err(|error| Stop::Wrong(error.to_string()))?);
        if !target.exists() {
            let bytes = tree::read(&file)?;
            let lines = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]);
            target.parent().map_or(Ok(()), tree::make_dir)?;
            tree::write(&target, if is_text { lines } else { bytes })?;
        }
    }
    Ok(())
}

fn git(stage: &Stage, at: &str, words: &[&str]) -> Outcome {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=field", "-c", "user.email=field@localhost"]).args(words).current_dir(stage.at(at));
    stage.must(git.env("HOME", &stage.place).env("GIT_CONFIG_NOSYSTEM", "1")).map(drop)
}
