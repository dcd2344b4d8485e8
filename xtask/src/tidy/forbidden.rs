//! Code that must not stay: leftovers of work, and tests that do not test.

use super::code::mentions;
use super::source::{Finding, SourceFile};

/// What must not be left behind, and what to do instead.
const LEFTOVERS: &[(&str, &str)] = &[
    ("todo!", "finish it, or leave the item out"),
    ("unimplemented!", "finish it, or leave the item out"),
    ("dbg!", "take it out"),
    ("#[ignore", "a test that does not run proves nothing; make it fast and certain, or take it out"),
    ("#[should_panic", "any panic would pass; compare a returned error, or catch the panic and read its message"),
];

const SLEEP: &str = "thread::sleep";
const DEADLINE_LOOP: &str = "// deadline loop:";

/// No unfinished code and no test that is switched off.
pub(super) fn leftovers(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.code_lines() {
        for (needle, advice) in LEFTOVERS {
            if mentions(line, needle) {
                findings.push(file.finding(number, format!("`{needle}`: {advice}")));
            }
        }
    }
    findings
}

/// No sleep, except where a comment on the same or the previous line says which deadline ends the loop.
pub(super) fn sleeps(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut explained_before = false;
    for ((number, line), (_, code)) in file.lines().zip(file.code_lines()) {
        let explained = line.contains(DEADLINE_LOOP);
        if mentions(code, SLEEP) && !explained && !explained_before {
            findings.push(file.finding(
                number,
                format!(
                    "`{SLEEP}`: wait for what you wait for; if it must be polled, say until when \
                     in a `{DEADLINE_LOOP} …` comment"
                ),
            ));
        }
        explained_before = explained;
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("tempo-clock/src/a.rs", text)
    }

    #[test]
    fn each_leftover_is_found_once() {
        for bad in [
            "fn f() { todo!() }",
            "fn f() { std::unimplemented!(\"later\") }",
            "let x = dbg!(y);",
            "#[ignore]",
            "#[ignore = \"slow\"]",
            "#[should_panic(expected = \"x\")]",
        ] {
            let findings = leftovers(&file(&format!("//! Doc.\n{bad}\n")));
            assert_eq!(findings.len(), 1, "{bad}");
            assert!(findings.iter().all(|finding| finding.line() == 2), "{findings:?}");
        }
    }

    #[test]
    fn comments_literals_and_longer_names_are_no_leftovers() {
        let good = "//! Never `todo!()`.\nlet a = \"dbg!(\";\nmy_dbg!(a);\n#[ignored_any]\n";
        assert_eq!(leftovers(&file(good)), Vec::new());
    }

    #[test]
    fn a_sleep_needs_a_deadline() {
        let bad = file("//! Doc.\n\nstd::thread::sleep(pause);\n");
        assert_eq!(sleeps(&bad).len(), 1);
        let far = file("// deadline loop: ten seconds\n\nthread::sleep(pause);\n");
        assert_eq!(sleeps(&far).len(), 1);
        for good in [
            "// deadline loop: ten seconds\nthread::sleep(pause);\n",
            "thread::sleep(pause); // deadline loop: ten seconds\n",
            "// not `thread::sleep`\n",
        ] {
            assert_eq!(sleeps(&file(good)), Vec::new());
        }
    }
}
