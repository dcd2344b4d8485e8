//! What a `lib.rs` may hold: docs, attributes, modules and re-exports.
//!
//! The reader who opens a crate sees its table of contents there, and finds the code in the file that has its name.

use super::source::{Finding, SourceFile};

/// Each item of a `lib.rs` is a `mod name;`, a `use` or an `extern crate`.
///
/// The one exception is `struct Name;`, the usual place to hang the README's examples on, so that they compile.
pub(super) fn only_a_table_of_contents(file: &SourceFile) -> Vec<Finding> {
    if !(file.is_src() && file.name() == "lib.rs") {
        return Vec::new();
    }
    let other = items(&file.code).into_iter().filter(|item| !is_content_line(&item.text));
    other
        .map(|item| {
            let words: Vec<_> = item.text.split_whitespace().take(4).collect();
            let start = words.join(" ");
            file.finding(
                item.line,
                format!(
                    "`{start} …` in lib.rs; move it to a module, \
                     lib.rs holds only docs, mods and re-exports"
                ),
            )
        })
        .collect()
}

/// An item at the top level, without its attributes.
struct Item {
    line: usize,
    text: String,
}

/// Cuts code into items: each ends at `;` or at the `}` that closes its body.
fn items(code: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut text = String::new();
    let mut line = 1;
    let mut start = 1;
    let mut depth = 0_usize;
    let mut in_attribute = false;
    for c in code.chars() {
        line += usize::from(c == '\n');
        if text.is_empty() && !in_attribute {
            if c.is_whitespace() {
                continue;
            }
            start = line;
            in_attribute = c == '#';
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if in_attribute {
            in_attribute = !(c == ']' && depth == 0);
            continue;
        }
        text.push(c);
        let is_import = without_visibility(&text).starts_with("use ");
        if depth == 0 && (c == ';' || (c == '}' && !is_import)) {
            items.push(Item { line: start, text: std::mem::take(&mut text) });
        }
    }
    if !text.is_empty() {
        items.push(Item { line: start, text });
    }
    items
}

fn is_content_line(item: &str) -> bool {
    let item = without_visibility(item);
    let declares = |keyword: &str| item.starts_with(keyword) && item.ends_with(';') && !item.contains('{');
    item.starts_with("use ")
        || declares("mod ")
        || declares("extern crate ")
        || (declares("struct ") && !item.contains('('))
}

/// The item without `pub` or `pub(…)`.
fn without_visibility(item: &str) -> &str {
    let Some(rest) = item.strip_prefix("pub") else {
        return item;
    };
    let rest = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, rest)) => rest,
        None => rest,
    };
    rest.trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<Finding> {
        only_a_table_of_contents(&SourceFile::new("tempo-clock/src/lib.rs", text))
    }

    #[test]
    fn a_table_of_contents_is_right() {
        let good = r#"//! A clock. It has no `fn main() {}`.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

/// The `impl Stamp` is here.
mod stamp;
#[cfg(feature = "x")]
pub mod extra;
pub(crate) mod inner;

pub use stamp::{
    Lamport, Stamp,
    nested::{A, B},
};
use extra as _;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
"#;
        assert_eq!(findings(good), Vec::new());
    }

    #[test]
    fn logic_is_found_at_its_line() {
        for bad in [
            "fn f() {}",
            "pub const fn f(x: [u8; 2]) -> u8 { 1 }",
            "impl Stamp { fn f(&self) {} }",
            "impl<T> From<T> for Stamp {}",
            "macro_rules! m { () => {}; }",
            "pub mod inline { pub use super::a; }",
            "pub struct Stamp { a: u8 }",
            "pub struct Stamp(u8);",
            "pub const LIMIT: usize = 3;",
        ] {
            let found = findings(&format!("//! Doc.\n\nmod a;\n\n#[inline]\n{bad}\nmod b;\n"));
            let lines: Vec<_> = found.iter().map(Finding::line).collect();
            assert_eq!(lines, [6], "{bad}: {found:?}");
        }
    }

    #[test]
    fn other_files_may_hold_what_they_want() {
        let file = SourceFile::new("tempo-clock/src/stamp.rs", "fn f() {}\n");
        assert_eq!(only_a_table_of_contents(&file), Vec::new());
    }
}
