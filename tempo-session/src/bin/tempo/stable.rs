//! Which part of the timeline is stable, and which members the rest waits for.

use tempo_session::Status;

use crate::output;

/// Returns a line for people, if there is any message.
pub(crate) fn for_people(status: &Status) -> Option<String> {
    let stable = status.stable.messages;
    if status.messages == 0 {
        return None;
    }
    if stable == status.messages {
        return Some("stable: everything".to_owned());
    }
    let names = status.names();
    let others = status.stable.waits_for.iter().map(|&(author, heard_ms)| match heard_ms {
        Some(heard_ms) => format!("{} (last heard from at {})", names.of(author), output::time(heard_ms)),
        None => format!("{} (not heard from yet)", names.of(author)),
    });
    let others = output::listed(others);
    let until = if others.is_empty() { String::new() } else { format!(" until more arrives from {others}") };
    let all = output::counted(status.messages, "message");
    Some(format!("stable: {stable} of {all}; the others may still move{until}"))
}

/// Returns the line between the last stable line of the timeline, the `count`-th, and the first one
/// that is not.
pub(crate) fn mark(status: &Status, count: usize) -> String {
    let names = status.names();
    let others = output::listed(status.stable.waits_for.iter().map(|&(author, _)| names.of(author)));
    let waiting = if others.is_empty() { String::new() } else { format!(" (waiting for {others})") };
    let here = match count {
        0 => "nothing is stable yet".to_owned(),
        count => format!("stable up to here, {}", output::counted(count, "message")),
    };
    format!("-- {here}; the rest may still move{waiting} --")
}
