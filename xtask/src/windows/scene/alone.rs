//! Windows by itself: the demonstration, two chats, and each command by its output and its exit code.

use serde_json::Value;

use super::{Stage, same_log};
use crate::play::member::Member;
use crate::play::stage::PATIENCE;
use crate::play::stop::{Outcome, check};

/// Runs the demonstration, which must find its timelines equal.
pub(super) fn demo(stage: &Stage) -> Outcome {
    let said = stage.play.must(stage.wine.command(stage.tempo).arg("demo"))?;
    check(said.contains("the three timelines are equal"), || format!("the demonstration says\n{said}"))
}

/// Sends three messages and checks what each command prints. The doctor would warn of a folder with a single member.
pub(super) fn commands(stage: &Stage) -> Outcome {
    let (ana, cleo) = (stage.windows("ana"), stage.windows("cleo"));
    let ids = ana.ask(&["send", "one", "two words", "three"])?;
    check(ids.lines().count() == 3, || format!("`send` names these messages: {ids}"))?;
    let log = ana.log()?;
    check(log.texts() == ["one", "two words", "three"], || format!("`log --json` says {}", log.json))?;
    cleo.ask(&["send", "four"])?;
    let log = ana.log()?;
    let shown = ana.ask(&["log"])?;
    check(shown.contains("two words"), || format!("`log` says {shown}"))?;

    let status = object(&ana.ask(&["status", "--json"])?)?;
    let number = |key: &str| status.get(key).and_then(Value::as_u64);
    let length = |key: &str| status.get(key).and_then(Value::as_array).map(Vec::len);
    let is_right = number("messages") == Some(4)
        && number("unpublished") == Some(0)
        && length("members") == Some(2)
        && length("pending") == Some(0)
        && length("foreign") == Some(0);
    check(is_right, || format!("`status --json` says {status}"))?;
    let doctor = object(&ana.ask(&["doctor", "--json"])?)?;
    check(doctor.get("healthy") == Some(&Value::Bool(true)), || format!("`doctor --json` says {doctor}"))?;

    ana.ask(&["pack"])?;
    ana.ask(&["pack", "--at-once"])?;
    let (packed, log) = (ana.log()?.json, log.json);
    check(packed == log, || format!("after `pack` the log is\n{packed}instead of\n{log}"))?;

    let mut away = stage.windows("ben");
    cannot(&away, &["pack"])?;
    away.folder = stage.play.at("gone.session");
    for words in [&["status", "--json"][..], &["doctor", "--json"], &["log"], &["send", "one"]] {
        cannot(&away, words)?;
    }
    Ok(())
}

/// Checks that each of two chats shows the other's lines.
pub(super) fn chats(stage: &Stage) -> Outcome {
    let (ana, ben) = (stage.windows("ana"), stage.windows("ben"));
    let mut anas = ana.chat()?;
    let mut bens = ben.chat()?;
    let lines: Vec<String> = (1..=5).map(|number| format!("line {number}")).collect();
    for line in &lines {
        anas.say(&[format!("Ana's {line}")])?;
        bens.expect(&format!("Ana's {line}"))?;
        bens.say(&[format!("Ben's {line}")])?;
        anas.expect(&format!("Ben's {line}"))?;
    }
    anas.end(PATIENCE)?;
    bens.end(PATIENCE)?;
    same_log(&[&ana, &ben], 2 * lines.len()).map(drop)
}

/// Checks that the command ends with the exit code of a folder that it cannot use.
fn cannot(member: &Member, words: &[&str]) -> Outcome {
    let said = member.run(words)?;
    check(said.status.code() == Some(2), || format!("{words:?} ended with {}: {}", said.status, said.err.trim()))
}

fn object(text: &str) -> Outcome<Value> {
    Ok(serde_json::from_str(text).map_err(|error| format!("`{text}` is no JSON: {error}"))?)
}
