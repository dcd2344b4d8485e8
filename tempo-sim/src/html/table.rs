//! The timeline as a plain table: for readers without the script, for screen readers, and for paper.

use std::fmt::Write as _;
use std::time::Duration;

use super::escape;
use crate::trace::{Trace, What};

/// The journey of a message: when it was sent, and which timelines it reached.
#[derive(Debug, Clone, Copy, Default)]
struct Journey {
    /// The time at which its author sent it.
    sent: Option<Duration>,
    /// The time at which it last entered a timeline.
    last: Option<Duration>,
    /// The number of times it entered a timeline. An entry after a crash counts again.
    entries: usize,
}

/// Returns the rows of the table, one for each position of the timeline and then one for each message without a
/// position.
pub(super) fn rows(trace: &Trace) -> String {
    let journeys = journeys(trace);
    let mut placed = vec![false; trace.messages.len()];
    let mut out = String::new();
    for (place, &number) in trace.timeline.iter().enumerate() {
        row(&mut out, trace, &journeys, number, &(place + 1).to_string());
        if let Some(found) = placed.get_mut(number) {
            *found = true;
        }
    }
    for (number, _) in placed.iter().enumerate().filter(|&(_, placed)| !placed) {
        row(&mut out, trace, &journeys, number, "\u{2013}");
    }
    if out.is_empty() {
        out.push_str("<tr><td colspan=\"6\">No messages were sent.</td></tr>\n");
    }
    out
}

/// Appends a row, or nothing if the message is missing.
fn row(out: &mut String, trace: &Trace, journeys: &[Journey], number: usize, place: &str) {
    let (Some(sent), Some(journey)) = (trace.messages.get(number), journeys.get(number)) else { return };
    let author = trace.members.get(sent.member).map_or("?", String::as_str);
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "<tr id=\"row-{number}\"><td>{place}</td><td><a href=\"#m={number}\"><bdi>{}</bdi> {}</a></td><td>{}</td>\
         <td class=\"text\"><bdi>{}</bdi></td><td>{}</td><td>{}</td></tr>",
        escape::html(author),
        sent.counter,
        sent.lamport,
        escape::html(&sent.text),
        clock(journey.sent),
        if journey.entries == 0 { "not delivered".to_owned() } else { clock(journey.last) },
    );
}

/// Returns the journeys of all messages, by number.
fn journeys(trace: &Trace) -> Vec<Journey> {
    let mut journeys = vec![Journey::default(); trace.messages.len()];
    for step in &trace.steps {
        match step.what {
            What::Send(number) => {
                if let Some(journey) = journeys.get_mut(number) {
                    journey.sent = Some(step.at);
                }
            }
            What::Deliver { message, .. } => {
                if let Some(journey) = journeys.get_mut(message) {
                    journey.last = journey.last.max(Some(step.at));
                    journey.entries += 1;
                }
            }
            _ => {}
        }
    }
    journeys
}

/// Formats a time, or a dash if there is none.
fn clock(at: Option<Duration>) -> String {
    at.map_or_else(|| "\u{2013}".to_owned(), span)
}

/// Formats a duration, to the millisecond while it is short.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds}.{:03} s", time.subsec_millis()),
        60..3600 => format!("{minutes} min {:02} s", seconds % 60),
        3600..86_400 => format!("{hours} h {minutes:02} min {:02} s", seconds % 60),
        _ => format!("{} d {:02} h {minutes:02} min", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_in_units() {
        assert_eq!(span(Duration::from_millis(1_045)), "1.045 s");
        assert_eq!(span(Duration::from_secs(61)), "1 min 01 s");
        assert_eq!(span(Duration::from_secs(3_723)), "1 h 02 min 03 s");
        assert_eq!(span(Duration::from_secs(90_000)), "1 d 01 h 00 min");
    }
}
