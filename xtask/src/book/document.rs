//! A Markdown document: its links, and the anchors that links may name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::failure::Failure;

/// What a document links to, and what others may link to in it.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The line of each link, and where it leads.
    pub(super) links: Vec<(usize, String)>,
    /// The anchors of its headings.
    pub(super) anchors: BTreeSet<String>,
    /// True if it has a block of Rust code.
    pub(super) has_rust: bool,
}

impl Document {
    /// Reads a document, with the files that it includes as mdBook does.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)?;
        let place = path.parent().unwrap_or(path);
        let mut whole = String::new();
        for line in text.lines() {
            match line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
                Some(included) => whole += &fs::read_to_string(place.join(included))?,
                None => whole += line,
            }
            whole.push('\n');
        }
        Ok(Self::parse(&whole))
    }

    fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        let mut used: BTreeMap<String, usize> = BTreeMap::new();
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let before = text.get(..range.start).unwrap_or_default();
                    document.links.push((before.matches('\n').count() + 1, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let number = used.entry(anchor.clone()).or_default();
                    document.anchors.insert(if *number == 0 { anchor } else { format!("{anchor}-{number}") });
                    *number += 1;
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(words))) => {
                    document.has_rust |= words.split(',').any(|word| word == "rust");
                }
                _ => {}
            }
        }
        document
    }

    /// Returns where its links lead, without anchors.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|(_, link)| link.split('#').next().unwrap_or_default())
    }
}

/// Returns the anchor that GitHub and mdBook give to a heading, the first time that it occurs.
fn anchor(heading: &str) -> String {
    let kept = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ');
    heading.trim().chars().filter(|&letter| kept(letter)).collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_anchors_and_code_are_seen() {
        let text = "# `tempo doctor --json`, here\n\nsee [a](b.md#c) and\n![d](e.svg)\n\n## It's _so_\n\n## Its so\n\n\
                    `[no](link.md)`\n\n```rust,no_run\n[f](g.md)\n```\n\n| t |\n|---|\n| [h](i.md) |\n";
        let document = Document::parse(text);
        let links: Vec<_> = document.links.iter().map(|(line, link)| (*line, link.as_str())).collect();
        assert_eq!(links, [(3, "b.md#c"), (4, "e.svg"), (18, "i.md")]);
        let anchors: Vec<_> = document.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["its-so", "its-so-1", "tempo-doctor---json-here"]);
        assert!(document.has_rust && !Document::parse("```sh\n```").has_rust);
    }

    #[test]
    fn an_included_file_counts_as_part_of_the_document() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("A.md"), "# In A\n").unwrap();
        fs::create_dir(root.path().join("b")).unwrap();
        fs::write(root.path().join("b/A.md"), "{{#include ../A.md}}\n").unwrap();
        assert!(Document::read(&root.path().join("b/A.md")).unwrap().anchors.contains("in-a"));
    }
}
