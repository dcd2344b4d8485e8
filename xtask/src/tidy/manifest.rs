//! What a crate that others may take has beside its code: a manifest that describes it, and a README.

use super::source::{Finding, SourceFile};

const PACKAGE_KEYS: &[&str] = &["description", "keywords", "categories", "license"];

/// The manifest of each `tempo-*` crate describes it and takes the workspace's lints.
pub(super) fn tables(file: &SourceFile) -> Vec<Finding> {
    if file.manifest_of().is_none() {
        return Vec::new();
    }
    let keys = keys(&file.text);
    let missing_keys = PACKAGE_KEYS.iter().filter_map(|key| {
        let inherited = format!("package.{key}.workspace");
        let own = format!("package.{key}");
        let there = keys.iter().any(|(found, _)| *found == own || *found == inherited);
        (!there).then(|| file.finding(1, format!("`[package]` has no `{key}`; add it")))
    });
    let lints = ("lints.workspace".to_owned(), "true");
    let missing_lints = (!keys.contains(&lints))
        .then(|| file.finding(1, "the workspace's lints do not apply; add `[lints]` and `workspace = true`"));
    missing_keys.chain(missing_lints).collect()
}

/// Each `tempo-*` crate has a README.
pub(super) fn readmes(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in files {
        let Some(directory) = manifest.manifest_of() else {
            continue;
        };
        let readme = format!("{directory}/README.md");
        if !files.iter().any(|file| file.path == readme) {
            findings.push(manifest.finding(
                1,
                format!(
                    "the crate has no README; write {readme}: \
                     what it is, when to take it alone, an example"
                ),
            ));
        }
    }
    findings
}

/// The keys of a manifest with their tables before them, and their values.
///
/// This reads the TOML that manifests are written in, one `key = value` per line, and not all of TOML.
fn keys(text: &str) -> Vec<(String, &str)> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            table = format!("{name}.");
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.split('#').next().unwrap_or(value);
            keys.push((format!("{table}{}", key.trim()), value.trim()));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"[package]
name = "tempo-clock"
description = "A clock."
keywords.workspace = true
categories = ["data-structures"]
license.workspace = true

[dependencies]
serde = { workspace = true, optional = true }

[lints]
workspace = true
"#;

    fn manifest(text: impl Into<String>) -> SourceFile {
        SourceFile::new("tempo-clock/Cargo.toml", text)
    }

    #[test]
    fn a_complete_manifest_is_right() {
        assert_eq!(tables(&manifest(GOOD)), Vec::new());
        let dotted = GOOD.replace("[lints]\nworkspace", "[lints] # all of them\nworkspace");
        assert_eq!(tables(&manifest(dotted)), Vec::new());
    }

    #[test]
    fn each_missing_key_is_found() {
        for line in [
            "description = \"A clock.\"\n",
            "keywords.workspace = true\n",
            "categories = [\"data-structures\"]\n",
            "license.workspace = true\n",
            "[lints]\nworkspace = true\n",
        ] {
            let found = tables(&manifest(GOOD.replace(line, "")));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
        }
        let elsewhere = GOOD.replace("[dependencies]\n", "[dependencies]\nworkspace = true\n");
        let elsewhere = elsewhere.replace("[lints]\nworkspace = true\n", "");
        assert_eq!(tables(&manifest(elsewhere)).len(), 1);
    }

    #[test]
    fn only_our_crates_are_looked_at() {
        for path in ["Cargo.toml", "xtask/Cargo.toml", "tempo-message/fuzz/Cargo.toml"] {
            assert_eq!(tables(&SourceFile::new(path, "")), Vec::new());
        }
    }

    #[test]
    fn a_crate_without_a_readme_is_found() {
        let readme = SourceFile::new("tempo-clock/README.md", "# Clock\n");
        assert_eq!(readmes(&[manifest(GOOD), readme]), Vec::new());
        let of_another = SourceFile::new("tempo-message/README.md", "# Message\n");
        assert_eq!(readmes(&[manifest(GOOD), of_another]).len(), 1);
    }
}
