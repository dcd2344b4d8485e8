//! The place and kind of a harm: the plan, and its words on the command line.

use std::fmt;

use nix::errno::Errno;

use super::scene::{SCENES, Scene};
use super::tracer::{Harm, Made, Spot};

/// One harm to one command.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) scene: &'static Scene,
    pub(super) harm: Harm,
    pub(super) spot: Spot,
}

const ERRORS: &[(&str, Errno)] = &[
    ("EIO", Errno::EIO),
    ("ENOSPC", Errno::ENOSPC),
    ("EDQUOT", Errno::EDQUOT),
    ("EROFS", Errno::EROFS),
    ("EACCES", Errno::EACCES),
    ("EMFILE", Errno::EMFILE),
    ("ESTALE", Errno::ESTALE),
    ("EINTR", Errno::EINTR),
];

/// Returns all harms, in the order of the summary.
pub(super) fn harms() -> impl Iterator<Item = Harm> {
    [Harm::Kill, Harm::Torn, Harm::Short].into_iter().chain(ERRORS.iter().map(|&(_, error)| Harm::Fail(error)))
}

/// Returns a point for each call of a command that the harm suits.
pub(super) fn points<'a>(scene: &'static Scene, made: &'a [Made], harm: Harm) -> impl Iterator<Item = Point> + 'a {
    made.iter().filter(move |made| harm.can_be_done_to(made.call)).map(move |made| Point {
        scene,
        harm,
        spot: made.spot.clone(),
    })
}

/// Returns an even sample of at most this many points.
pub(super) fn some(points: Vec<Point>, most: usize) -> Vec<Point> {
    let step = points.len().div_ceil(most).max(1);
    points.into_iter().step_by(step).collect()
}

impl Point {
    /// Reads what [`Display`](fmt::Display) writes.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let parse = || {
            let words: Vec<&str> = text.split(':').collect();
            let [scene, harm, thread, number] = words.as_slice() else { return None };
            let scene = SCENES.iter().find(|known| known.name == *scene)?;
            let harm = harms().find(|known| name(*known) == *harm)?;
            let spot = Spot { thread: (*thread).to_owned(), number: number.parse().ok()? };
            (!spot.thread.is_empty()).then_some(Self { scene, harm, spot })
        };
        parse().ok_or("a point is a command, a harm, a thread and a number")
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scene, harm, spot } = self;
        write!(f, "{}:{}:{}:{}", scene.name, name(*harm), spot.thread, spot.number)
    }
}

/// Returns the word for a harm.
pub(super) fn name(harm: Harm) -> &'static str {
    match harm {
        Harm::Kill => "kill",
        Harm::Torn => "torn",
        Harm::Short => "short",
        Harm::Fail(error) => ERRORS.iter().find(|(_, known)| *known == error).map_or("?", |(name, _)| name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_can_be_named_and_found_again() {
        for harm in harms() {
            for scene in SCENES {
                let spot = Spot { thread: "tempo-folder".to_owned(), number: 17 };
                let text = Point { scene, harm, spot }.to_string();
                assert_eq!(Point::parse(&text).unwrap().to_string(), text);
            }
        }
        for text in
            ["", "send", "send:EIO:main", "send:EIO:main:x", "sing:EIO:main:1", "send:ECHO:main:1", "send:EIO::1:"]
        {
            assert!(Point::parse(text).is_err(), "{text}");
        }
    }
}
