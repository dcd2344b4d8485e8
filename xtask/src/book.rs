//! `cargo xtask book`: every relative link and anchor in the documents leads somewhere, and the book is complete.
//!
//! Nothing on the network is asked. With `--build`, mdBook then builds the book.

mod document;
mod links;

use std::path::Path;

use fs_err as fs;

use crate::call::Call;
use crate::failure::Failure;
use crate::tools::{self, MDBOOK};
use crate::workspace;

/// The chapters, from the root of the workspace.
const CHAPTERS: &str = "docs/book/src";
/// The list of the chapters whose blocks are tests.
const TESTED: &str = "docs/book/code/src/lib.rs";

/// The arguments of `book`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Build the book into docs/book/book as well; installs mdBook, which takes some minutes
    #[arg(long)]
    build: bool,
}

/// Checks the documents and prints the findings.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let root = workspace::root();
    let documents = links::documents(&root)?;
    let findings = [links::broken(&root, &documents), incomplete(&root, &documents)?].concat();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        return Err(Failure::Findings { check: "book", count: findings.len() });
    }
    let links: usize = documents.values().map(|document| document.links.len()).sum();
    println!("book: {links} links in {} documents", documents.len());
    if options.build {
        tools::install(&MDBOOK)?;
        Call::program("mdbook", &["build", "docs/book"]).run()?;
    }
    Ok(())
}

/// Returns the chapters that the summary or the list of tests lacks.
fn incomplete(root: &Path, documents: &links::Documents) -> Result<Vec<String>, Failure> {
    let chapters = root.join(CHAPTERS);
    let summary = chapters.join("SUMMARY.md");
    let listed: Vec<&str> = documents.get(&summary).iter().flat_map(|it| it.targets()).collect();
    let tested = fs::read_to_string(root.join(TESTED))?;
    let mut findings = Vec::new();
    for (path, document) in documents {
        let Ok(chapter) = path.strip_prefix(&chapters) else { continue };
        let name = chapter.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        if *path != summary && !listed.contains(&name.as_str()) {
            findings.push(format!("{CHAPTERS}/{name}: is not in SUMMARY.md"));
        }
        if document.has_rust && !tested.contains(&format!("\"{name}\"")) {
            findings.push(format!("{CHAPTERS}/{name}: has Rust code that {TESTED} does not test"));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_somewhere_and_the_book_is_complete() {
        let root = workspace::root();
        let documents = links::documents(&root).unwrap();
        let findings = [links::broken(&root, &documents), incomplete(&root, &documents).unwrap()].concat();
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
        let chapters = documents.keys().filter(|path| path.starts_with(root.join(CHAPTERS))).count();
        assert!(chapters > 30 && documents.len() > chapters + 15, "{chapters} of {}", documents.len());
    }

    #[test]
    fn a_forgotten_chapter_is_found() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(TESTED, "chapters! { a: \"a.md\"; }");
        write("docs/book/src/SUMMARY.md", "- [A](a.md)\n- [B](more/b.md)\n");
        write("docs/book/src/a.md", "```rust\n1;\n```\n");
        write("docs/book/src/more/b.md", "```rust,no_run\n1;\n```\n");
        write("docs/book/src/c.md", "```text\n1\n```\n");
        let documents = links::documents(root.path()).unwrap();
        let found = [
            "docs/book/src/c.md: is not in SUMMARY.md",
            "docs/book/src/more/b.md: has Rust code that docs/book/code/src/lib.rs does not test",
        ];
        assert_eq!(incomplete(root.path(), &documents).unwrap(), found);
    }
}
