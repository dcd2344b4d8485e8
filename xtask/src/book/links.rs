//! The relative links of all documents.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::CHAPTERS;
use super::document::Document;
use crate::failure::Failure;

/// All documents, by path.
pub(super) type Documents = BTreeMap<PathBuf, Document>;

/// Reads every Markdown file of the repository.
pub(super) fn documents(root: &Path) -> Result<Documents, Failure> {
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name == "target" || name == "node_modules" || name.starts_with('.'))
    };
    let files = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_ours).filter_map(Result::ok);
    let paths = files.map(DirEntry::into_path).filter(|path| path.extension().is_some_and(|end| end == "md"));
    paths.map(|path| Document::read(&path).map(|document| (path, document))).collect()
}

/// Returns the links that lead nowhere, and those of the book that leave it: the built book has only its own files.
pub(super) fn broken(root: &Path, documents: &Documents) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, document) in documents {
        let shown = path.strip_prefix(root).unwrap_or(path).display();
        for (line, link) in &document.links {
            if let Some(why) = fault(root, documents, path, link) {
                findings.push(format!("{shown}:{line}: {link}: {why}"));
            }
        }
    }
    findings
}

/// Returns what is wrong with a link, if anything.
fn fault(root: &Path, documents: &Documents, from: &Path, link: &str) -> Option<&'static str> {
    // An address on the network, or an item of a crate, which rustdoc checks.
    if link.contains("://") || link.starts_with("mailto:") || link.contains("::") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { from.to_owned() } else { beside(from, file) };
    let chapters = root.join(CHAPTERS);
    if !target.exists() {
        return Some("there is no such file");
    }
    if from.starts_with(&chapters) && !target.starts_with(&chapters) {
        return Some("is outside the book");
    }
    let has_anchor = |anchor| documents.get(&target).is_some_and(|document| document.anchors.contains(anchor));
    anchor.is_some_and(|anchor| !has_anchor(anchor)).then_some("there is no such heading")
}

/// Returns the path of a file that is named from another one, without `..`, so that it can be looked up.
fn beside(from: &Path, file: &str) -> PathBuf {
    let mut path = from.parent().unwrap_or(from).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => _ = path.pop(),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn broken_links_and_anchors_are_found() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "README.md",
            "# One\n[a](docs/A.md#two) [b](#one) [c](docs) [d](https://example.org/x) [e](Type::item)\n",
        );
        write("docs/A.md", "# Two\n[a](../README.md#one)\n\n[b](B.md) [c](#three)\n[d](../README.md#two)\n");
        write("docs/book/src/c.md", "[a](c.md) [b](../../A.md)\n");
        write("target/doc/d.md", "[a](nowhere.md)\n");
        let documents = documents(root.path()).unwrap();
        let found = [
            "docs/A.md:4: B.md: there is no such file",
            "docs/A.md:4: #three: there is no such heading",
            "docs/A.md:5: ../README.md#two: there is no such heading",
            "docs/book/src/c.md:1: ../../A.md: is outside the book",
        ];
        assert_eq!(broken(root.path(), &documents), found);
    }
}
