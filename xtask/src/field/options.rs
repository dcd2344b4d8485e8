//! The arguments of `field`.

use super::scene::{self, Scene};
use crate::failure::Failure;

/// The chosen scenes, and whether they are only listed.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) scenes: Vec<&'static Scene>,
    pub(super) list: bool,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let (mut scenes, mut list) = (Vec::new(), false);
        for argument in arguments {
            match argument.as_str() {
                "--list" => list = true,
                option if option.starts_with('-') => {
                    return Err(Failure::usage(format!("`field` does not take {option}")));
                }
                name => scenes.push(named(name)?),
            }
        }
        if scenes.is_empty() {
            scenes = scene::all().collect();
        }
        Ok(Self { scenes, list })
    }
}

fn named(name: &str) -> Result<&'static Scene, Failure> {
    scene::all()
        .find(|scene| scene.name == name)
        .ok_or_else(|| Failure::usage(format!("there is no scene `{name}`; `cargo xtask field --list` names them all")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn every_scene_is_chosen_unless_some_are_named() {
        assert_eq!(parse(&[]).unwrap().scenes.len(), scene::all().count());
        let options = parse(&["sleep", "--list", "ransomware"]).unwrap();
        assert!(options.list);
        assert_eq!(options.scenes.iter().map(|scene| scene.name).collect::<Vec<_>>(), ["sleep", "ransomware"]);
    }

    #[test]
    fn unknown_names_and_options_are_usage_errors() {
        for arguments in [&["slee"][..], &["--fast"], &["sleep", "-l"]] {
            assert!(matches!(parse(arguments), Err(Failure::Usage { .. })), "{arguments:?}");
        }
    }
}
