//! The doctor's output, and checks of it.

use std::path::Path;

use serde_json::Value;

use super::stop::{Outcome, check};
use super::tree;

/// The output of `tempo doctor --json` with its exit code.
#[derive(Debug)]
pub(crate) struct Checkup {
    pub(crate) code: Option<i32>,
    pub(crate) author: Option<String>,
    healthy: bool,
    findings: Vec<Finding>,
}

/// One finding.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) kind: String,
    wants_attention: bool,
    pub(crate) message: String,
    pub(crate) meaning: String,
    pub(crate) advice: String,
    pub(crate) files: Vec<String>,
}

/// The kinds that concern the machine on which the scenes run.
const SURROUNDINGS: [&str; 3] = ["folder-full", "not-shared", "not-watched"];

impl Checkup {
    pub(crate) fn parse(json: &str, code: Option<i32>) -> Outcome<Self> {
        let object: Value = serde_json::from_str(json).map_err(|error| format!("the doctor says `{json}`: {error}"))?;
        let findings = object.get("findings").and_then(Value::as_array).into_iter().flatten();
        let checkup = Self {
            code,
            author: text(&object, "author"),
            healthy: object.get("healthy").and_then(Value::as_bool).unwrap_or(false),
            findings: findings.map(Finding::of).collect(),
        };
        let expected = if checkup.healthy { Some(0) } else { Some(1) };
        check(code == expected || code == Some(2) && !checkup.healthy, || {
            format!("the doctor says healthy: {} and ends with {code:?}", checkup.healthy)
        })?;
        Ok(checkup)
    }

    /// Returns the kinds that need attention, each once, without those of the machine.
    pub(crate) fn attention(&self) -> Vec<&str> {
        let wanted = self.findings.iter().filter(|finding| finding.wants_attention);
        let mut kinds: Vec<_> = wanted.map(|finding| finding.kind.as_str()).collect();
        kinds.retain(|kind| !SURROUNDINGS.contains(kind));
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Checks that the findings that need attention are of exactly these kinds, and that the exit code
    /// agrees.
    pub(crate) fn expect(&self, kinds: &[&str]) -> Outcome {
        check(self.attention() == kinds, || {
            format!("the doctor finds {:?} instead of {kinds:?}:{}", self.attention(), self.text())
        })
    }

    /// Returns the finding of a kind; the doctor must have one.
    pub(crate) fn must(&self, kind: &str) -> Outcome<&Finding> {
        let found = self.find(kind);
        found.ok_or_else(|| format!("the doctor has no finding `{kind}`:{}", self.text()).into())
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// Returns everything that the doctor says, for people.
    pub(crate) fn text(&self) -> String {
        let said: Vec<_> = self.findings.iter().map(|found| format!("\n  {}: {}", found.kind, found.text())).collect();
        said.concat()
    }

    /// Returns the finding that calls a file of messages foreign, or tells people to move one out or to remove it.
    pub(crate) fn harm(&self, folder: &Path) -> Option<&Finding> {
        let mut findings = self.findings.iter();
        findings.find(|finding| {
            let advice = &finding.advice;
            let sends_away = finding.kind == "foreign"
                || ["Move it out", "Move them out", "Remove it", "Remove them", "Delete"]
                    .iter()
                    .any(|w| advice.contains(w));
            sends_away && finding.places().any(|place| tree::holds_message(&folder.join(place)))
        })
    }
}

impl Finding {
    fn of(object: &Value) -> Self {
        let word = |key| text(object, key).unwrap_or_default();
        let files = object.get("files").and_then(Value::as_array).into_iter().flatten();
        Self {
            kind: word("kind"),
            wants_attention: word("severity") != "info",
            message: word("message"),
            meaning: word("meaning"),
            advice: word("advice"),
            files: files.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    /// Returns everything that it says, for people.
    pub(crate) fn text(&self) -> String {
        format!("{} {} {} {}", self.message, self.meaning, self.advice, self.files.join(", "))
    }

    /// Returns the files without the remarks about them.
    fn places(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .flat_map(|file| [Some(file.as_str()), file.split_once(": ").map(|(place, _)| place)])
            .flatten()
    }
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkup(findings: &str, code: i32) -> Outcome<Checkup> {
        let healthy = code == 0;
        Checkup::parse(&format!("{{\"author\":\"a\",\"healthy\":{healthy},\"findings\":[{findings}]}}"), Some(code))
    }

    #[test]
    fn only_findings_that_need_attention_count() {
        let findings = r#"{"kind":"fork","severity":"attention"},{"kind":"harmless","severity":"info"},
            {"kind":"not-shared","severity":"attention"},{"kind":"fork","severity":"attention"}"#;
        let checkup = checkup(findings, 1).unwrap();
        checkup.expect(&["fork"]).unwrap();
        assert!(checkup.expect(&[]).is_err() && checkup.must("gap").is_err());
        assert_eq!(checkup.must("harmless").unwrap().kind, "harmless");
    }

    #[test]
    fn the_exit_code_must_fit_the_verdict() {
        assert!(checkup("", 0).is_ok() && checkup("", 1).is_ok() && checkup("", 2).is_ok());
        assert!(Checkup::parse("{\"healthy\":true,\"findings\":[]}", Some(1)).is_err());
        assert!(Checkup::parse("{\"healthy\":false,\"findings\":[]}", Some(0)).is_err());
        assert!(Checkup::parse("no", Some(0)).is_err());
    }

    #[test]
    fn advice_against_a_file_of_messages_is_harm() {
        let folder = tempfile::tempdir().unwrap();
        tree::write(&folder.path().join("song"), b"\xf7TMP...").unwrap();
        tree::write(&folder.path().join("note"), "text").unwrap();
        let finding = |kind: &str, file: &str, advice: &str| {
            let findings =
                format!(r#"{{"kind":"{kind}","severity":"info","files":["{file}: unknown"],"advice":"{advice}"}}"#);
            checkup(&findings, 0).unwrap().harm(folder.path()).is_some()
        };
        assert!(finding("foreign", "song", "Nothing.") && finding("damaged", "song", "Move it out of the folder."));
        assert!(!finding("foreign", "note", "Move it out.") && !finding("damaged", "song", "Wait."));
    }
}
