//! Windows by itself: the demonstration, two chats, and each command by its output and its exit code.

use serde_json::Value;

use super::super::member::{same_log, texts};
use super::{Stage, check};
use crate::talk::PATIENCE;

/// Runs the demonstration, which must find its timelines equal.
pub(super) fn demo(stage: &Stage) -> Result<(), String> {
    let said = stage.windows("ana").ask(&["demo"])?;
    check(said.contains("the three timelines are equal"), || format!("the demonstration says\n{said}"))
}

/// Sends three messages and checks what each command prints. The doctor would warn of a folder with a single member.
pub(super) fn commands(stage: &Stage) -> Result<(), String> {
    let (ana, cleo) = (stage.windows("ana"), stage.windows("cleo"));
    let ids = ana.ask(&["send", "one", "two words", "three"])?;
    check(ids.lines().count() == 3, || format!("`send` names these messages: {ids}"))?;
    let log = ana.log()?;
    check(texts(&log)? == ["one", "two words", "three"], || format!("`log --json` says {log}"))?;
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
    let packed = ana.log()?;
    check(packed == log, || format!("after `pack` the log is\n{packed}instead of\n{log}"))?;

    let mut away = stage.windows("ben");
    away.ask_code(&["pack"], 2)?;
    away.folder = stage.place.join("gone.session");
    for command in [&["status", "--json"][..], &["doctor", "--json"], &["log"], &["send", "one"]] {
        away.ask_code(command, 2)?;
    }
    Ok(())
}

/// Checks that each of two chats shows the other's lines.
pub(super) fn chats(stage: &Stage) -> Result<(), String> {
    let (ana, ben) = (stage.windows("ana"), stage.windows("ben"));
    let mut anas = ana.talk(&["chat", "--name", "Ana"])?;
    let mut bens = ben.talk(&["chat", "--name", "Ben"])?;
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

fn object(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("`{text}` is no JSON: {error}"))
}
