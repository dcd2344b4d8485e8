//! `cargo xtask layers`: which crate may depend on which.
//!
//! Only what a user of the crates builds counts: development dependencies are free.

mod metadata;
mod rules;

use std::fmt::Write;

use crate::failure::Failure;
use metadata::Package;
use rules::{LAYERS, RESTRICTED};

/// Compares the workspace's dependencies with [`rules`] and prints the picture or what is wrong with it.
pub(crate) fn run() -> Result<(), Failure> {
    let packages = metadata::packages()?;
    let wrong = wrong_edges(&packages);
    if wrong.is_empty() {
        print!("{}", picture(&packages));
        return Ok(());
    }
    for line in &wrong {
        println!("{line}");
    }
    println!(
        "If the picture itself is to change, change xtask/src/layers/rules.rs and \
         docs/ARCHITECTURE.md together."
    );
    Err(Failure::Findings { check: "layers", count: wrong.len() })
}

/// One line per dependency that the rules do not allow, with what to do.
fn wrong_edges(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(wrong_edges_of).collect()
}

fn wrong_edges_of(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("{name}: it has no layer; give it a row in xtask/src/layers/rules.rs")];
    };
    let mut wrong = Vec::new();
    for dependency in &package.dependencies {
        let ours = LAYERS.iter().any(|layer| layer.name == dependency);
        if ours && !layer.may_use.contains(&dependency.as_str()) {
            wrong.push(format!(
                "{name} -> {dependency}: {name} may use {} of this workspace; take the dependency \
                 out of {name}/Cargo.toml, or move the code that needs it up to a crate that may",
                one_of(layer.may_use)
            ));
        }
        if let Some(rule) = RESTRICTED.iter().find(|rule| rule.name == dependency)
            && !rule.only.contains(&name.as_str())
        {
            wrong.push(format!(
                "{name} -> {dependency}: {}, so {} may depend on it; take it out of \
                 {name}/Cargo.toml",
                rule.why,
                one_of(rule.only)
            ));
        }
    }
    wrong
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => format!("only {}", names.join(", ")),
    }
}

/// The layers from the lowest up, each with what it does use.
fn picture(packages: &[Package]) -> String {
    let width = LAYERS.iter().map(|layer| layer.name.len()).max().unwrap_or(0);
    let mut picture = String::new();
    for layer in LAYERS {
        let Some(package) = packages.iter().find(|package| package.name == layer.name) else {
            continue;
        };
        let used: Vec<_> =
            layer.may_use.iter().copied().filter(|&lower| package.dependencies.contains(lower)).collect();
        let used = if used.is_empty() { "(nothing)".to_owned() } else { used.join(", ") };
        // Writing into a string cannot fail.
        let _ = writeln!(picture, "✓ {:width$} -> {used}", layer.name);
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package { name: name.to_owned(), dependencies: dependencies.iter().map(|&d| d.to_owned()).collect() }
    }

    #[test]
    fn the_workspace_keeps_its_layers() {
        let packages = metadata::packages().unwrap();
        assert!(packages.iter().any(|package| package.name == "xtask"));
        assert_eq!(wrong_edges(&packages), Vec::<String>::new());
    }

    #[test]
    fn edges_that_point_down_are_right() {
        let packages = [
            package("tempo-clock", &["serde"]),
            package("tempo-message", &["tempo-clock", "blake3"]),
            package("tempo-fs-transport", &["tempo-clock", "tempo-message", "notify"]),
            package("tempo-session", &["tempo-fs-transport", "redb"]),
            package("xtask", &["serde_json"]),
        ];
        assert_eq!(wrong_edges(&packages), Vec::<String>::new());
        let picture = picture(&packages);
        assert!(picture.contains("✓ tempo-clock        -> (nothing)\n"), "{picture}");
        assert!(picture.contains("✓ tempo-fs-transport -> tempo-clock, tempo-message\n"), "{picture}");
    }

    #[test]
    fn an_edge_that_points_up_is_named_with_what_to_do() {
        let wrong = wrong_edges(&[package("tempo-clock", &["tempo-message"])]);
        let [line] = wrong.as_slice() else { panic!("{wrong:?}") };
        assert!(line.starts_with("tempo-clock -> tempo-message: "), "{line}");
        assert!(line.contains("tempo-clock/Cargo.toml"), "{line}");
    }

    #[test]
    fn restricted_crates_stay_where_they_belong() {
        for (name, dependency) in [
            ("tempo-session", "notify"),
            ("tempo-session", "rustix"),
            ("tempo-fs-transport", "redb"),
            ("tempo-session", "tokio"),
            ("tempo-sim", "async-std"),
            ("xtask", "tempo-clock"),
        ] {
            let wrong = wrong_edges(&[package(name, &[dependency])]);
            assert_eq!(wrong.len(), 1, "{name} -> {dependency}: {wrong:?}");
        }
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        let wrong = wrong_edges(&[package("tempo-extra", &[])]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
    }
}
