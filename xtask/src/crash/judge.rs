//! The conditions that must hold after a command was harmed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::log::Log;
use super::scene::Scene;
use super::tracer::{End, Harm, Ran};
use super::world::{Output, World};

/// Returns what is wrong after a command was harmed, if anything.
pub(super) fn judge(
    world: &World,
    scene: &Scene,
    before: &Log,
    harm: Harm,
    (ran, said): (&Ran, &Output),
) -> Result<(), String> {
    ended_well(scene, harm, ran, said)?;
    let acknowledged = acknowledged(scene, said)?;

    let reopened = world.must(scene.member, &["log", "--json"])?;
    let log = Log::read(&reopened)?;
    nothing_is_left(world, scene.member)?;
    if let Some(lost) = log.lacks(before) {
        return Err(lost);
    }
    let mut sent = 0;
    for (number, text) in scene.texts().iter().enumerate() {
        let (count, id) = (log.count(text), acknowledged.get(number));
        if count > 1 || id.is_some_and(|id| !log.says(id, text)) {
            return Err(format!("text {number} is there {count} times, and was acknowledged as {id:?}"));
        }
        sent += count;
    }
    if sent != 0 && sent != scene.texts().len() {
        return Err(format!("{sent} of {} messages that are sent together are there", scene.texts().len()));
    }
    if log.len() != before.len() + sent {
        return Err(format!("there are {} messages instead of {}: {reopened}", log.len(), before.len() + sent));
    }
    if scene.words.first() == Some(&"log") && ran.end == End::Code(0) {
        let printed = Log::read(&said.out)?;
        if let Some(invented) = log.lacks(&printed) {
            return Err(format!("the harmed command printed something else: {invented}"));
        }
    }
    goes_on(world, scene.member, &log)
}

/// Checks that a further message can be sent, and that every member then sees the same timeline.
fn goes_on(world: &World, member: &str, log: &Log) -> Result<(), String> {
    const FURTHER: &str = "afterwards";
    let id = world.must(member, &["send", FURTHER])?;
    let id = id.trim();
    if log.has(id) {
        return Err(format!("{id} is used a second time"));
    }
    let own = world.must(member, &["log", "--json"])?;
    let after = Log::read(&own)?;
    if after.len() != log.len() + 1 || !after.says(id, FURTHER) || after.lacks(log).is_some() {
        return Err(format!("after a further message the log is not what it was and that message: {own}"));
    }
    nothing_is_left(world, member)?;
    if world.must("ben", &["log", "--json"])? != own {
        return Err("another member's log is not equal".to_owned());
    }
    let status = world.must("nobody", &["status", "--json"])?;
    let status: Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
    if status.get("messages").and_then(Value::as_u64) != u64::try_from(after.len()).ok() {
        return Err(format!("whoever reads the folder alone does not find all messages: {status}"));
    }
    let is_empty = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty);
    let members = status.get("members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_clean = ["waiting", "rejected", "pending", "foreign", "occupied"].iter().all(|name| is_empty(&status, name))
        && members.iter().all(|member| is_empty(member, "missing") && is_empty(member, "forks"));
    // No member has a reason to become a new author.
    let is_same = members.iter().all(|member| member.get("former").is_none_or(Value::is_null));
    if is_clean && is_same { Ok(()) } else { Err(format!("the folder is not clean: {status}")) }
}

/// Checks the end of the command: killed, if that was the harm; otherwise finished, or failed with a reason.
fn ended_well(scene: &Scene, harm: Harm, ran: &Ran, said: &Output) -> Result<(), String> {
    let is_killed = ran.harmed.is_some() && matches!(harm, Harm::Kill | Harm::Torn);
    let may_refuse = ran.harmed.is_some() && matches!(harm, Harm::Fail(_));
    if said.err.contains("panicked") {
        return Err(format!("it panicked: {}", said.err.trim()));
    }
    match ran.end {
        End::Signal(_) if is_killed => Ok(()),
        End::Code(0) if is_killed => Err("it was not killed".to_owned()),
        End::Code(0) if said.out.lines().count() < scene.texts().len() => {
            Err(format!("it succeeded and acknowledged too little: {}", said.out))
        }
        End::Code(0) => Ok(()),
        End::Code(1 | 2) if may_refuse && !said.err.trim().is_empty() => Ok(()),
        end => Err(format!("it ended with {end:?} and said: {}", said.err.trim())),
    }
}

/// Returns the ids that were printed whole. An id that is cut off acknowledges nothing.
fn acknowledged<'a>(scene: &Scene, said: &'a Output) -> Result<Vec<&'a str>, String> {
    if scene.texts().is_empty() {
        return Ok(Vec::new());
    }
    let whole = said.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let ids: Vec<&str> = whole.lines().collect();
    let is_id = |id: &&str| id.len() == "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f/0000000000000001".len();
    if ids.iter().all(is_id) { Ok(ids) } else { Err(format!("what it printed is no list of ids: {whole}")) }
}

/// Checks that the folder contains only messages and packs, and that nothing is staged.
fn nothing_is_left(world: &World, member: &str) -> Result<(), String> {
    for dir in names(&world.folder())? {
        for name in names(&world.folder().join(&dir))? {
            let is_number = |part: &str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_message =
                is_number(&name) || name.split_once('-').is_some_and(|(a, b)| is_number(a) && is_number(b));
            // The head has the author's hints and is not a message.
            if !is_message && name != "head" {
                return Err(format!("{dir}/{name} lies in the folder"));
            }
        }
    }
    let state = world.place.join(member);
    for dir in names(&state)?.into_iter().filter(|name| name != "lock") {
        if let Some(staged) = names(&state.join(&dir).join("staging"))?.first() {
            return Err(format!("{staged} is left where {member} stages"));
        }
    }
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<String>, String> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect())
            .map_err(|error| format!("{}: {error}", dir.display())),
    }
}
