//! The output: a line for each scenario as it ends, a table or objects at the end.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::kind::Kind;
use super::verdict::{Counted, Verdict};

/// A scenario that ran.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) kind: Kind,
    pub(super) version: String,
    pub(super) scenario: &'static str,
    pub(super) took: Duration,
    pub(super) note: Option<String>,
    pub(super) verdict: Verdict,
    /// The directory of all files, which is kept after a failure.
    pub(super) place: PathBuf,
}

/// Returns the result in a line.
pub(super) fn line(tried: &Tried) -> String {
    let Verdict { counted, resting, stable, wrong } = &tried.verdict;
    let mut line = counted.map_or("not judged".to_owned(), |Counted { sent, lost, twice }| {
        format!("{sent} messages, {lost} lost, {twice} twice")
    });
    // Writing into a string cannot fail.
    let _ = match wrong {
        None => write!(
            line,
            "; all equal {:.0} s after; {} stable parts, up to {} messages, agree",
            resting.as_secs_f64(),
            stable.0,
            stable.1
        ),
        Some(wrong) => write!(line, "; WRONG: {wrong}; see {}", tried.place.display()),
    };
    if let Some(note) = &tried.note {
        let _ = write!(line, "; {note}");
    }
    line
}

/// Returns a Markdown table with a row for each scenario.
pub(super) fn table(tried: &[Tried]) -> String {
    let mut table = "| engine | scenario | messages | lost | twice | all equal after | result |\n".to_owned();
    table.push_str("|---|---|---:|---:|---:|---:|---|\n");
    for one in tried {
        let Verdict { counted, resting, wrong, .. } = &one.verdict;
        let Counted { sent, lost, twice } = counted.unwrap_or_default();
        let result = wrong.as_deref().or(one.note.as_deref()).unwrap_or("ok");
        // Writing into a string cannot fail.
        let _ = writeln!(
            table,
            "| {} {} | {} | {sent} | {lost} | {twice} | {:.0} s | {result} |",
            one.kind.name(),
            one.version,
            one.scenario,
            resting.as_secs_f64(),
        );
    }
    table
}

/// Returns the result as a JSON object in a line.
pub(super) fn json(tried: &Tried, seed: u64, commit: &str) -> String {
    let Verdict { counted, resting, stable, wrong } = &tried.verdict;
    let object = json!({
        "engine": tried.kind.name(),
        "version": tried.version,
        "scenario": tried.scenario,
        "seed": seed,
        "commit": commit,
        "seconds": tried.took.as_secs_f64(),
        "messages": counted.map(|counted| counted.sent),
        "lost": counted.map(|counted| counted.lost),
        "twice": counted.map(|counted| counted.twice),
        "resting_seconds": resting.as_secs_f64(),
        "stable_parts": stable.0,
        "stable_messages": stable.1,
        "note": tried.note,
        "wrong": wrong,
        "evidence": wrong.as_ref().map(|_| tried.place.display().to_string()),
    });
    object.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::hub::Tool;

    fn tried(wrong: Option<&str>) -> Tried {
        let counted = Some(Counted { sent: 12, lost: 0, twice: 0 });
        let verdict = Verdict { counted, wrong: wrong.map(str::to_owned), ..Verdict::default() };
        Tried {
            kind: Kind::Hub(Tool::Unison),
            version: "2.52".to_owned(),
            scenario: "calm",
            took: Duration::from_secs(30),
            note: None,
            verdict,
            place: PathBuf::from("place"),
        }
    }

    #[test]
    fn a_failure_names_the_problem_and_the_place() {
        let line = line(&tried(Some("1 lost, 0 twice")));
        assert!(line.contains("WRONG: 1 lost") && line.ends_with("see place"), "{line}");
        assert!(table(&[tried(None)]).ends_with("| unison 2.52 | calm | 12 | 0 | 0 | 0 s | ok |\n"));
    }

    #[test]
    fn an_object_is_a_line() {
        let object: serde_json::Value = serde_json::from_str(&json(&tried(Some("gone")), 5, "abc")).unwrap();
        assert_eq!((&object["wrong"], &object["messages"], &object["seed"]), (&"gone".into(), &12.into(), &5.into()));
        let Tried { verdict, .. } = tried(Some("never begun"));
        let never = Tried { verdict: Verdict { counted: None, ..verdict }, ..tried(None) };
        assert!(json(&never, 5, "abc").contains("\"lost\":null") && line(&never).starts_with("not judged"));
    }
}
