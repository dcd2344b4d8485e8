//! Plays the chosen scenes, two at a time.

use std::path::Path;
use std::time::Duration;

use super::report;
use super::scene::Scene;
use crate::play::stop::{Outcome, Stop};
use crate::play::{Played, play};
use crate::{parallel, process};

/// Scenes that run at the same time.
const AT_ONCE: usize = 2;

/// Plays the scenes, prints each as it ends, and returns them in their order.
pub(super) fn play_all(scenes: &[&'static Scene], tempo: &Path) -> Vec<(&'static Scene, Played)> {
    let one = |&mut (): &mut (), &scene: &&'static Scene| {
        let played = match requirements(scene) {
            Ok(()) => play(&format!("tempo-field-{}-", scene.name), tempo, scene.play),
            outcome => Played { took: Duration::ZERO, outcome, skipped: Vec::new(), story: Vec::new() },
        };
        println!("{}", report::line(scene, &played));
        (scene, played)
    };
    parallel::each(AT_ONCE, scenes, |_| (), one)
}

fn requirements(scene: &Scene) -> Outcome {
    process::check_interruption()?;
    scene.needs.iter().find_map(|need| need.lacking()).map_or(Ok(()), |why| Err(Stop::Skip(why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::needs::Need;

    const PASSES: Scene =
        Scene { name: "passes", source: "", about: "", right: "", needs: &[], wants: &[], play: |_| Ok(()) };
    static WRONG: Scene = Scene { name: "wrong", play: |_| Err(Stop::Wrong("no".to_owned())), ..PASSES };
    static NEEDY: Scene = Scene { name: "needy", needs: &[Need::Tool("no-such-tool")], ..PASSES };

    #[test]
    fn each_scene_gets_its_verdict() {
        let played = play_all(&[&WRONG, &NEEDY], Path::new("/bin/true"));
        let [(_, wrong), (_, needy)] = played.as_slice() else { panic!("{played:?}") };
        assert_eq!(wrong.outcome, Err(Stop::Wrong("no".to_owned())));
        assert!(matches!(&needy.outcome, Err(Stop::Skip(why)) if why.contains("no-such-tool")), "{needy:?}");
    }
}
