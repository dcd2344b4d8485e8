//! A run as one HTML page: the space-time diagram of its messages, and the resulting order.
//!
//! The page is self-contained: styles, script and data are inside it, and its content security policy forbids
//! everything else. The trace is a JSON block (`data`), from which the script draws. The markup itself contains a
//! table of the timeline (`table`), for readers without the script. `escape` treats every text of the trace.

use crate::trace::Trace;

mod data;
mod escape;
mod table;

/// The style sheet.
const STYLE: &str = include_str!("page.css");

/// The script. Its parts share one scope, and the last one starts the page.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("model.js"),
    include_str!("format.js"),
    include_str!("diagram.js"),
    include_str!("focus.js"),
    include_str!("address.js"),
    include_str!("strip.js"),
    include_str!("card.js"),
    include_str!("page.js"),
    "})();",
);

/// Renders a trace as a complete HTML document.
///
/// Equal traces give equal bytes. The texts of the trace may contain anything: the page shows them with their control
/// characters made visible, and never treats them as markup or script. Steps that name missing members or messages
/// are not drawn.
#[must_use]
pub fn render(trace: &Trace) -> String {
    let end = trace.steps.iter().map(|step| step.at).max().unwrap_or_default();
    format!(
        include_str!("page.html"),
        seed = trace.seed,
        profile = escape::html(&trace.profile),
        command = escape::html(&trace.command),
        members = counted(trace.members.len(), "member"),
        messages = counted(trace.messages.len(), "message"),
        span = table::span(end),
        outcome = outcome(trace),
        rows = table::rows(trace),
        data = data::block(trace),
        style = STYLE,
        script = SCRIPT,
    )
}

/// Returns the result of the run as a paragraph.
fn outcome(trace: &Trace) -> String {
    match &trace.failure {
        Some(failure) => {
            format!("<p class=\"outcome failed\" role=\"alert\"><b>Failed</b><bdi>{}</bdi></p>", escape::html(failure))
        }
        None => "<p class=\"outcome agreed\">All members agreed</p>".to_owned(),
    }
}

/// Formats a number of things.
fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trace::{Sent, Step, What};

    /// Returns a trace with two members and three messages, one of them held.
    fn sample() -> Trace {
        let sent = |member, counter, text: &str, causes| Sent {
            member,
            counter,
            lamport: counter * 10,
            text: text.to_owned(),
            causes,
        };
        let step = |at, member, what| Step { at: Duration::from_millis(at), member, what };
        Trace {
            seed: 4711,
            command: "cargo sim run --seed 4711 --profile onedrive".to_owned(),
            profile: "onedrive".to_owned(),
            members: vec!["ana".to_owned(), "bo".to_owned()],
            messages: vec![sent(0, 1, "one", vec![]), sent(0, 2, "two", vec![0]), sent(1, 1, "three", vec![1])],
            steps: vec![
                step(10, 0, What::Send(0)),
                step(20, 0, What::Send(1)),
                step(50, 1, What::Arrive(1)),
                step(51, 1, What::Hold(1)),
                step(80, 1, What::Arrive(0)),
                step(81, 1, What::Deliver { message: 0, position: 0 }),
                step(81, 1, What::Deliver { message: 1, position: 1 }),
                step(90, 1, What::Send(2)),
                step(95, 0, What::Crash),
                step(99, 0, What::Restart),
                step(120, 0, What::Deliver { message: 2, position: 2 }),
            ],
            timeline: vec![0, 1, 2],
            failure: None,
        }
    }

    #[test]
    fn the_page_has_every_member_and_message() {
        let page = render(&sample());
        for needle in ["\"ana\"", "\"bo\"", "\"one\"", "\"two\"", "\"three\"", "2 members", "3 messages", "row-2"] {
            assert!(page.contains(needle), "{needle} is missing");
        }
        assert!(page.contains("cargo sim run --seed 4711 --profile onedrive"));
        assert!(page.contains("All members agreed"));
    }

    #[test]
    fn equal_traces_give_equal_pages() {
        assert_eq!(render(&sample()), render(&sample()));
    }

    #[test]
    fn an_empty_trace_renders() {
        let page = render(&Trace::default());
        assert!(page.starts_with("<!doctype html>"));
        assert!(page.trim_end().ends_with("</html>"));
        assert!(page.contains("0 members"));
    }

    #[test]
    fn the_page_shows_a_failure() {
        let page = render(&Trace { failure: Some("bo misses <2>".to_owned()), ..sample() });
        assert!(page.contains("bo misses &lt;2&gt;"));
        assert!(!page.contains("All members agreed"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "</script></style></title><script>alert(\"x\")</script><!--\u{0}\u{1b}\u{2028}'\"{seed}";
        let mut trace = sample();
        trace.profile = hostile.to_owned();
        trace.failure = Some(hostile.to_owned());
        trace.members = vec![hostile.to_owned(), hostile.to_owned()];
        for sent in &mut trace.messages {
            sent.text = hostile.to_owned();
        }
        for what in [What::ConflictCopy(hostile.to_owned()), What::Fault(hostile.to_owned())] {
            trace.steps.push(Step { at: Duration::from_secs(1), member: 0, what });
        }
        let (page, calm) = (render(&trace), render(&sample()));
        for tag in ["<script", "</script", "</style", "</title", "<!--"] {
            assert_eq!(page.matches(tag).count(), calm.matches(tag).count(), "{tag}");
        }
        assert!(!page.contains("alert(\"x\")"));
        assert!(!page.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        assert!(page.contains("&lt;/script&gt;") && page.contains("\\u003c/script\\u003e"));
    }

    #[test]
    fn the_page_names_no_other_host() {
        let page = render(&sample()).replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains("http://") && !page.contains("https://"));
    }
}
