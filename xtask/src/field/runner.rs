//! Plays scenes, two at a time, each in a place of its own that is removed afterwards.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::Builder;

use super::report;
use super::scene::Scene;
use super::stage::Stage;
use super::stop::{Outcome, Stop};
use crate::process;

/// Scenes that run at the same time.
const AT_ONCE: usize = 2;

/// A scene that was played.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) scene: &'static Scene,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    /// The parts that this machine could not show.
    pub(super) skipped: Vec<String>,
    /// The last commands and what they said.
    pub(super) story: Vec<String>,
}

impl Played {
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome, Err(Stop::Wrong(_)))
    }
}

/// Plays the scenes, prints each as it ends, and returns them in their order.
pub(super) fn play(scenes: &[&'static Scene], tempo: &Path) -> Vec<Played> {
    let queue = Mutex::new(scenes.iter().copied().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                while let Some((index, scene)) = next() {
                    if process::check_interruption().is_err() {
                        break;
                    }
                    let played = one(scene, tempo);
                    println!("{}", report::line(&played));
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, played));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, played)| played).collect()
}

/// Plays one scene. A panic in it is its failure, and so is anything that cannot be removed afterwards.
fn one(scene: &'static Scene, tempo: &Path) -> Played {
    let begun = Instant::now();
    let played = |outcome, skipped, story| Played { scene, took: begun.elapsed(), outcome, skipped, story };
    if let Some(why) = scene.needs.iter().find_map(|need| need.lacking()) {
        return played(Err(Stop::Skip(why)), Vec::new(), Vec::new());
    }
    let place = match Builder::new().prefix(&format!("tempo-field-{}-", scene.name)).tempdir() {
        Ok(place) => place,
        Err(error) => return played(Err(Stop::Wrong(error.to_string())), Vec::new(), Vec::new()),
    };
    let (outcome, skipped, story) = match Stage::new(tempo, place.path()) {
        Ok(stage) => {
            let outcome = catch_unwind(AssertUnwindSafe(|| (scene.play)(&stage)))
                .unwrap_or_else(|panic| Err(Stop::Wrong(format!("the scene panicked: {}", words_of(panic.as_ref())))));
            (outcome, stage.skipped(), stage.story())
        }
        Err(stop) => (Err(stop), Vec::new(), Vec::new()),
    };
    // Some tools take away the permission to remove what they keep.
    let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(place.path()).stderr(Stdio::null()).status();
    let outcome = match (outcome, place.close()) {
        (Ok(()), Err(error)) => Err(Stop::Wrong(format!("something is left behind: {error}"))),
        (outcome, _) => outcome,
    };
    played(outcome, skipped, story)
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

#[cfg(test)]
mod tests {
    use super::super::needs::Need;
    use super::*;

    static PANICS: Scene = Scene {
        name: "panics",
        source: "this test",
        about: "",
        right: "",
        needs: &[],
        wants: &[],
        play: |stage| panic!("in {}", stage.place.display()),
    };
    static WRONG: Scene = Scene { name: "wrong", play: |_| Err(Stop::Wrong("no".to_owned())), ..PASSES };
    static NEEDY: Scene = Scene { name: "needy", needs: &[Need::Tool("no-such-tool")], ..PASSES };
    const PASSES: Scene =
        Scene { name: "passes", source: "", about: "", right: "", needs: &[], wants: &[], play: |_| Ok(()) };

    #[test]
    fn each_scene_gets_its_verdict_and_leaves_nothing_behind() {
        let played = play(&[&PANICS, &WRONG, &NEEDY], Path::new("/bin/true"));
        let [panics, wrong, needy] = played.as_slice() else { panic!("{played:?}") };
        let Err(Stop::Wrong(why)) = &panics.outcome else { panic!("{panics:?}") };
        let place = why.strip_prefix("the scene panicked: in ").unwrap();
        assert!(place.contains("tempo-field-panics-") && !Path::new(place).exists(), "{place}");
        assert!(wrong.has_failed() && panics.has_failed());
        assert!(matches!(&needy.outcome, Err(Stop::Skip(why)) if why.contains("no-such-tool")), "{needy:?}");
    }
}
