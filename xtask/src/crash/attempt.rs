//! Trying the points, several at a time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::judge::judge;
use super::log::Log;
use super::point::Point;
use super::tracer::Made;
use super::world::World;
use crate::parallel;

/// The result of a point.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) point: Point,
    /// The harmed call. It may be missing, because threads interleave differently in every run.
    pub(super) harmed: Option<Made>,
    pub(super) wrong: Option<String>,
}

/// Tries all points and returns the results in their order.
///
/// The work is mostly waiting, so there are twice as many workers as processors.
pub(super) fn all(tempo: &Path, scratch: &Path, points: &[Point]) -> io::Result<Vec<Tried>> {
    let workers = thread::available_parallelism().map_or(2, |count| count.get() * 2);
    let make = |number| Worker { tempo, root: scratch.join(format!("worker-{number}")), scenes: BTreeMap::new() };
    parallel::each(workers, points, make, Worker::attempt).into_iter().collect()
}

/// A world for each scene, with the messages that are known to be in it.
struct Worker<'a> {
    tempo: &'a Path,
    root: PathBuf,
    scenes: BTreeMap<&'static str, (World, Log)>,
}

impl Worker<'_> {
    fn attempt(&mut self, point: &Point) -> io::Result<Tried> {
        let scene = point.scene;
        let (world, before) = match self.scenes.entry(scene.name) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => {
                let world = World::new(self.tempo, self.root.join(scene.name))?;
                let log = scene.prepare(&world).map_err(io::Error::other)?;
                place.insert((world, log))
            }
        };
        world.restore()?;
        let (ran, said) = world.traced((scene.member, scene.words), Some((&point.spot, point.harm)))?;
        let wrong = judge(world, scene, before, point.harm, (&ran, &said)).err();
        Ok(Tried { point: point.clone(), harmed: ran.harmed, wrong })
    }
}
