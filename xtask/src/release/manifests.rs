//! What the manifests of the published packages say.

use fs_err as fs;
use serde_json::Value;

use super::PACKAGES;
use crate::call::Call;
use crate::failure::Failure;
use crate::workspace;

/// A package that is published.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) rust_version: String,
    pub(super) has_repository: bool,
    /// What the registry or a reader needs and the manifest lacks.
    lacks: Vec<&'static str>,
    /// The versions of packages of this workspace that it depends on.
    needs: Vec<(String, String)>,
}

/// Reads the manifests, in the order in which the packages are published.
pub(super) fn read() -> Result<Vec<Package>, Failure> {
    let call = Call::cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let metadata: Value = serde_json::from_slice(&call.answer()?)
        .map_err(|error| Failure::Unanswered { command: call.line(), why: error.to_string() })?;
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let find = |name: &&str| {
        packages.iter().find(|package| package.get("name").and_then(Value::as_str) == Some(*name)).map(Package::of)
    };
    PACKAGES.iter().map(|name| find(name).ok_or_else(|| format!("no package is named {name}").into())).collect()
}

impl Package {
    fn of(manifest: &Value) -> Self {
        let text = |field: &str| text_of(manifest, field);
        let is_empty = |field: &str| match manifest.get(field) {
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            _ => true,
        };
        let wanted = ["description", "license", "readme", "keywords", "categories", "rust_version"];
        let mut lacks: Vec<&str> = wanted.into_iter().filter(|field| is_empty(field)).collect();
        if manifest.pointer("/metadata/docs/rs").is_none_or(|settings| !settings.is_object()) {
            lacks.push("[package.metadata.docs.rs]");
        }
        let dependencies =
            manifest.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let own = dependencies
            .iter()
            .filter(|it| it.get("path").is_some_and(Value::is_string) && it.get("kind").is_none_or(Value::is_null));
        let pair = |it: &Value| (text_of(it, "name"), text_of(it, "req"));
        Self {
            name: text("name"),
            version: text("version"),
            rust_version: text("rust_version"),
            has_repository: !is_empty("repository"),
            lacks,
            needs: own.map(pair).collect(),
        }
    }

    /// Returns what is missing in the manifest.
    pub(super) fn findings(&self) -> Vec<String> {
        self.lacks.iter().map(|field| format!("{} has no {field}", self.name)).collect()
    }
}

fn text_of(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns where the versions are out of step, and whether the changelog is silent about them.
pub(super) fn steps(packages: &[Package]) -> Result<Vec<String>, Failure> {
    let Some(first) = packages.first() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for package in packages {
        if package.version != first.version {
            found.push(format!("{} is {}, and {} is {}", package.name, package.version, first.name, first.version));
        }
        for (name, version) in package.needs.iter().filter(|(_, needed)| *needed != format!("^{}", first.version)) {
            found.push(format!("{} depends on {name} {version}, not on {}", package.name, first.version));
        }
    }
    let changes = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    let is_told = |heading: &str| changes.lines().any(|line| line.starts_with("## ") && line.contains(heading));
    if !is_told(&first.version) && !is_told("Unreleased") {
        found.push(format!("CHANGELOG.md has no heading for {}", first.version));
    }
    Ok(found)
}

/// Returns the oldest compiler that all packages promise to work with.
pub(super) fn oldest(packages: &[Package]) -> String {
    packages.iter().map(|package| package.rust_version.clone()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_in_step() {
        let package = |name: &str, version: &str, needs: &str| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            rust_version: "1.90".to_owned(),
            has_repository: true,
            lacks: vec!["readme"],
            needs: vec![("clock".to_owned(), needs.to_owned())],
        };
        let right = [package("clock", "0.1.0", "^0.1.0"), package("message", "0.1.0", "^0.1.0")];
        assert_eq!(steps(&right).unwrap(), [] as [String; 0]);
        let wrong = [package("clock", "0.1.0", "^0.1.0"), package("message", "0.2.0", "^0.0.9")];
        let found = ["message is 0.2.0, and clock is 0.1.0", "message depends on clock ^0.0.9, not on 0.1.0"];
        assert_eq!(steps(&wrong).unwrap(), found);
        assert_eq!(wrong[0].findings(), ["clock has no readme"]);
    }
}
