//! Plays scenes: members run the `tempo` command in a separate place, and a failure reports their steps.

pub(crate) mod checkup;
pub(crate) mod log;
pub(crate) mod member;
pub(crate) mod stage;
pub(crate) mod stop;
pub(crate) mod tree;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::Builder;

use stage::Stage;
use stop::{Outcome, Stop};

/// A scene that has ended.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
    /// The parts that this machine could not show.
    pub(crate) skipped: Vec<String>,
    /// The last commands and their output.
    pub(crate) story: Vec<String>,
}

/// Plays a scene in a separate place that is removed afterwards. A panic or a file that cannot be removed
/// fails the scene.
pub(crate) fn play(prefix: &str, tempo: &Path, scene: impl FnOnce(&Stage) -> Outcome) -> Played {
    let begun = Instant::now();
    let place = Builder::new().prefix(prefix).tempdir();
    let (mut skipped, mut story) = (Vec::new(), Vec::new());
    let outcome = place.map_err(|error| Stop::Wrong(error.to_string())).and_then(|place| {
        let stage = Stage::new(tempo, place.path())?;
        let outcome = catch_unwind(AssertUnwindSafe(|| scene(&stage)))
            .unwrap_or_else(|panic| Err(Stop::Wrong(format!("the scene panicked: {}", words_of(panic.as_ref())))));
        (skipped, story) = (stage.skipped(), stage.story());
        // Some tools take away the permission to remove their files.
        let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(place.path()).stderr(Stdio::null()).status();
        let removed = place.close().map_err(|error| Stop::Wrong(format!("something is left behind: {error}")));
        outcome.and(removed)
    });
    Played { took: begun.elapsed(), outcome, skipped, story }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panicking_scene_fails_and_leaves_nothing_behind() {
        let played = play("tempo-play-", Path::new("/bin/true"), |stage| panic!("in {}", stage.place.display()));
        let Err(Stop::Wrong(why)) = &played.outcome else { panic!("{played:?}") };
        let place = why.strip_prefix("the scene panicked: in ").unwrap();
        assert!(place.contains("tempo-play-") && !Path::new(place).exists(), "{place}");
    }
}
