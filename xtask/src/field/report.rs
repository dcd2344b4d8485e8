//! The output: a line per scene, a table at the end, and the list of scenes.

use std::fmt::Write;
use std::time::Duration;

use super::scene::Scene;
use crate::play::Played;
use crate::play::stop::Stop;
use crate::table;

/// Returns the line of a scene that has ended. A failed one adds what happened.
pub(super) fn line(scene: &Scene, played: &Played) -> String {
    let Played { took, outcome, story, .. } = played;
    let mut line = format!("{:<24} {:<7} {:5.1} s", scene.name, verdict(played), took.as_secs_f64());
    // Writing into a string cannot fail.
    let _ = match outcome {
        Ok(()) => Ok(()),
        Err(Stop::Skip(why)) => write!(line, "  {why}"),
        Err(Stop::Wrong(why)) => {
            let why = why.replace('\n', "\n    ");
            let story = story.join("\n    | ");
            write!(line, "\n    {}\n    right: {}\n    wrong: {why}\n    | {story}", scene.about, scene.right)
        }
    };
    line
}

/// Returns a row per scene with its reason, and the totals.
pub(super) fn table(played: &[(&Scene, Played)], took: Duration) -> String {
    let rows = played.iter().map(|(scene, one)| {
        let reason = match &one.outcome {
            Ok(()) if one.skipped.is_empty() => String::new(),
            Ok(()) => format!("without {}", one.skipped.join("; ")),
            Err(Stop::Skip(why) | Stop::Wrong(why)) => why.lines().next().unwrap_or_default().to_owned(),
        };
        [scene.name.to_owned(), verdict(one).to_owned(), reason]
    });
    let count = |word| played.iter().filter(|(_, one)| verdict(one) == word).count();
    let (passed, failed, skipped) = (count(PASSED), count(FAILED), count(SKIPPED));
    let took = took.as_secs_f64();
    format!("{}{passed} passed, {failed} failed, {skipped} skipped in {took:.0} s\n", table::plain(rows, ""))
}

/// Returns every scene with what happens, what is right, and who reported it.
pub(super) fn list(scenes: &[&Scene]) -> String {
    let entry = |scene: &&Scene| {
        format!("{}\n    {}\n    right: {}\n    source: {}\n", scene.name, scene.about, scene.right, scene.source)
    };
    scenes.iter().map(entry).collect()
}

const PASSED: &str = "passed";
const FAILED: &str = "FAILED";
const SKIPPED: &str = "skipped";

fn verdict(played: &Played) -> &'static str {
    match &played.outcome {
        Ok(()) => PASSED,
        Err(Stop::Wrong(_)) => FAILED,
        Err(Stop::Skip(_)) => SKIPPED,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene;
    use super::*;

    fn played(outcome: Result<(), Stop>, skipped: &[&str]) -> (&'static Scene, Played) {
        let skipped = skipped.iter().map(|&part| part.to_owned()).collect();
        let story = vec!["tempo log: code 0".to_owned()];
        (scene::all().next().unwrap(), Played { took: Duration::from_secs(2), outcome, skipped, story })
    }

    #[test]
    fn the_table_gives_every_reason_and_counts_the_verdicts() {
        let rows = [
            played(Ok(()), &[]),
            played(Ok(()), &["NTFS: mkntfs is missing"]),
            played(Err(Stop::Wrong("two\nlines".to_owned())), &[]),
            played(Err(Stop::Skip("no root".to_owned())), &[]),
        ];
        let table = table(&rows, Duration::from_secs(7));
        for part in ["without NTFS", "FAILED   two\n", "skipped  no root", "2 passed, 1 failed, 1 skipped in 7 s\n"] {
            assert!(table.contains(part), "{table}");
        }
    }

    #[test]
    fn a_failure_shows_the_expected_result_and_the_steps() {
        let (scene, played) = played(Err(Stop::Wrong("lost".to_owned())), &[]);
        let line = line(scene, &played);
        assert!(line.contains("right: ") && line.contains("wrong: lost") && line.ends_with("| tempo log: code 0"));
    }

    #[test]
    fn the_list_names_every_source() {
        let scenes: Vec<_> = scene::all().collect();
        assert_eq!(list(&scenes).matches("    source: ").count(), scenes.len());
    }
}
