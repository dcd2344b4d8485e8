//! The scenes, in groups of similar situations.

mod carriers;
mod clocks;
mod cloud_drive;
mod copies;
mod depth;
mod disks;
mod gone;
mod permissions;
mod placeholders;
mod restored;
mod splits;
mod stores;
mod strays;
mod undone;

use super::needs::Need;
use crate::play::stage::Stage;
use crate::play::stop::Outcome;

/// A reported situation, rebuilt, with a check of what is right.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// The public reports of the situation.
    pub(super) source: &'static str,
    /// What happens to the folder or to its members.
    pub(super) about: &'static str,
    /// What a user would call right.
    pub(super) right: &'static str,
    /// The needs without which the scene is skipped.
    pub(super) needs: &'static [Need],
    /// The programs without which some parts are skipped.
    pub(super) wants: &'static [&'static str],
    pub(super) play: fn(&Stage) -> Outcome,
}

const GROUPS: &[&[Scene]] = &[
    gone::SCENES,
    permissions::SCENES,
    undone::SCENES,
    splits::SCENES,
    copies::SCENES,
    depth::SCENES,
    strays::SCENES,
    placeholders::SCENES,
    restored::SCENES,
    stores::SCENES,
    disks::SCENES,
    cloud_drive::SCENES,
    clocks::SCENES,
    carriers::SCENES,
];

impl Scene {
    /// Returns the programs that the scene calls.
    pub(super) fn tools(&self) -> impl Iterator<Item = &'static str> + use<> {
        let needed = self.needs.iter().filter_map(|need| match need {
            Need::Tool(tool) => Some(*tool),
            _ => None,
        });
        needed.chain(self.wants.iter().copied())
    }
}

/// Returns all scenes in their order.
pub(super) fn all() -> impl Iterator<Item = &'static Scene> {
    GROUPS.iter().copied().flatten()
}

/// Returns the scene of this name.
pub(super) fn named(name: &str) -> Result<&'static Scene, String> {
    let unknown = || "there is no such scene; `cargo xtask field --list` names them all".to_owned();
    all().find(|scene| scene.name == name).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::super::needs::package;
    use super::*;

    #[test]
    fn every_scene_has_a_name_of_its_own_and_a_source() {
        let mut names: Vec<_> = all().map(|scene| scene.name).collect();
        let plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(names.iter().all(plain), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().count());
        for scene in all() {
            let has_report = scene.source.contains('#') || scene.source.contains('.');
            assert!(has_report && !scene.about.is_empty() && !scene.right.is_empty(), "{}", scene.name);
        }
    }

    #[test]
    fn every_program_of_a_scene_has_a_package() {
        for tool in all().flat_map(Scene::tools) {
            assert!(package(tool).is_some(), "{tool}");
        }
    }

    #[test]
    fn the_page_describes_every_scene() {
        let page = std::fs::read_to_string(crate::workspace::root().join("docs/FIELD.md")).unwrap();
        for scene in all() {
            assert!(page.contains(&format!("| `{}` |", scene.name)), "{} is not in docs/FIELD.md", scene.name);
        }
    }
}
