//! What `cargo metadata` says about the workspace's packages.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::call::Call;
use crate::failure::Failure;

/// A package of the workspace and the names of what it is built from, without development dependencies.
#[derive(Debug, PartialEq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) dependencies: BTreeSet<String>,
}

/// Asks cargo for the packages of the workspace.
pub(super) fn packages() -> Result<Vec<Package>, Failure> {
    let call = Call::cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let answer = call.answer()?;
    parse(&answer).map_err(|why| Failure::Unanswered { command: call.line(), why })
}

/// The packages, or which part of the answer is not as the format says.
fn parse(json: &[u8]) -> Result<Vec<Package>, String> {
    let metadata: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    list(&metadata, "packages")?.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package, String> {
    let mut dependencies = BTreeSet::new();
    for dependency in list(value, "dependencies")? {
        // The kind is null for a normal dependency; one of a build script counts as well.
        if dependency.get("kind").and_then(Value::as_str) != Some("dev") {
            dependencies.insert(text(dependency, "name")?);
        }
    }
    Ok(Package { name: text(value, "name")?, dependencies })
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    let found = value.get(key).and_then(Value::as_array);
    found.ok_or_else(|| format!("`{key}` is not a list"))
}

fn text(value: &Value, key: &str) -> Result<String, String> {
    let found = value.get(key).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("`{key}` is not a text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_dependencies_do_not_count_and_the_others_count_once() {
        let json = br#"{ "packages": [ { "name": "tempo-session", "dependencies": [
            { "name": "redb", "kind": null, "rename": "database" },
            { "name": "redb", "kind": "build" },
            { "name": "tempo-sim", "kind": "dev" }
        ] } ] }"#;
        let expected = Package { name: "tempo-session".to_owned(), dependencies: ["redb".to_owned()].into() };
        assert_eq!(parse(json).unwrap(), [expected]);
    }

    #[test]
    fn an_unexpected_answer_says_what_is_missing() {
        assert_eq!(parse(b"{}").unwrap_err(), "`packages` is not a list");
        let nameless = br#"{ "packages": [ { "dependencies": [] } ] }"#;
        assert_eq!(parse(nameless).unwrap_err(), "`name` is not a text");
        assert!(parse(b"error: no manifest").is_err());
    }
}
