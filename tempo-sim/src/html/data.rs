//! The trace as the JSON block that the page's script draws from.

use std::fmt::Display;

use super::escape;
use crate::trace::{Sent, Step, Trace, What};

/// Returns the whole block: one object, compact, and safe inside a `script` element.
///
/// Counters and logical times are strings, because a script's numbers end at 2^53. Times are whole microseconds.
/// Steps and causes that name a missing member or message are left out, so that the script need not check.
pub(super) fn block(trace: &Trace) -> String {
    let messages = trace.messages.len();
    let timeline = trace.timeline.iter().filter(|&&number| number < messages);
    format!(
        "{{\"members\":{},\n\"messages\":{},\n\"steps\":{},\n\"timeline\":{},\n\"failed\":{}}}",
        array(trace.members.iter().map(|name| escape::json(name)), ","),
        array(trace.messages.iter().map(|sent| message(trace, sent)), ",\n"),
        array(trace.steps.iter().filter_map(|found| step(trace, found)), ",\n"),
        array(timeline, ","),
        trace.failure.is_some(),
    )
}

/// Returns `[author, counter, logical time, text, causes]`. The author is -1 if there is no such member.
fn message(trace: &Trace, sent: &Sent) -> String {
    let author = if sent.member < trace.members.len() { sent.member.to_string() } else { "-1".to_owned() };
    let causes = sent.causes.iter().filter(|&&cause| cause < trace.messages.len());
    format!("[{author},\"{}\",\"{}\",{},{}]", sent.counter, sent.lamport, escape::json(&sent.text), array(causes, ","))
}

/// Returns `[time, member, what, details...]`.
fn step(trace: &Trace, step: &Step) -> Option<String> {
    let known = |number: usize| (number < trace.messages.len()).then_some(number);
    let what = match &step.what {
        What::Send(number) => format!("\"send\",{}", known(*number)?),
        What::Publish(number) => format!("\"publish\",{}", known(*number)?),
        What::Arrive(number) => format!("\"arrive\",{}", known(*number)?),
        What::Hold(number) => format!("\"hold\",{}", known(*number)?),
        What::Deliver { message, position } => format!("\"deliver\",{},{position}", known(*message)?),
        What::Crash => "\"crash\"".to_owned(),
        What::Restart => "\"restart\"".to_owned(),
        What::Offline => "\"offline\"".to_owned(),
        What::Online => "\"online\"".to_owned(),
        What::Unmounted => "\"unmounted\"".to_owned(),
        What::Mounted => "\"mounted\"".to_owned(),
        What::ConflictCopy(name) => format!("\"copy\",{}", escape::json(name)),
        What::Fault(text) => format!("\"fault\",{}", escape::json(text)),
    };
    (step.member < trace.members.len()).then(|| format!("[{},{},{what}]", step.at.as_micros(), step.member))
}

/// Returns a JSON array of items that are JSON already.
fn array(items: impl Iterator<Item = impl Display>, separator: &str) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    format!("[{}]", items.join(separator))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steps_and_causes_with_missing_targets_are_left_out() {
        let sent = |member| Sent { member, counter: u64::MAX, lamport: 2, text: String::new(), causes: vec![0, 9] };
        let step = |member, what| Step { at: Duration::from_millis(1), member, what };
        let trace = Trace {
            members: vec!["ana".to_owned()],
            messages: vec![sent(0), sent(7)],
            steps: vec![
                step(0, What::Send(0)),
                step(0, What::Publish(0)),
                step(3, What::Crash),
                step(0, What::Hold(5)),
                step(0, What::Publish(5)),
                step(0, What::Mounted),
            ],
            timeline: vec![1, 0, 40],
            ..Trace::default()
        };
        assert_eq!(
            block(&trace).replace('\n', ""),
            "{\"members\":[\"ana\"],\"messages\":[[0,\"18446744073709551615\",\"2\",\"\",[0]],\
             [-1,\"18446744073709551615\",\"2\",\"\",[0]]],\"steps\":[[1000,0,\"send\",0],\
             [1000,0,\"publish\",0],[1000,0,\"mounted\"]],\"timeline\":[1,0],\
             \"failed\":false}"
        );
    }
}
