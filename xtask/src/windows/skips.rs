//! The tests that do not run under Wine. The list is a table in the documentation, where readers find it too.

use fs_err as fs;

use crate::failure::Failure;
use crate::workspace;

/// A test that is left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Skip {
    /// The package and the test, such as `tempo-session::cli::it_ends`.
    pub(super) test: String,
    pub(super) why: String,
}

const DOCUMENT: &str = "docs/PLATFORMS.md";
const HEADING: &str = "## Skipped under Wine";
/// The most tests that may be skipped.
const MOST: usize = 5;

/// Reads the list from the document.
///
/// # Errors
///
/// `Stopped` when the table is missing, is not a table, or is too long.
pub(super) fn read() -> Result<Vec<Skip>, Failure> {
    let text = fs::read_to_string(workspace::root().join(DOCUMENT))?;
    Ok(parse(&text).map_err(|why| format!("{DOCUMENT}: {why}"))?)
}

/// Returns the rows of the table below the heading.
fn parse(text: &str) -> Result<Vec<Skip>, String> {
    let mut lines = text.lines().map(str::trim_end).skip_while(|line| *line != HEADING).skip(1);
    let table: Vec<&str> =
        lines.by_ref().take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with('|')).collect();
    let ["| test | why |", "| --- | --- |", rows @ ..] = table.as_slice() else {
        return Err(format!("below `{HEADING}` there must be a table with the head `| test | why |`"));
    };
    if rows.len() > MOST {
        return Err(format!("{} tests are skipped, at most {MOST} may be", rows.len()));
    }
    rows.iter().map(|row| skip(row).ok_or_else(|| format!("`{row}` is not `| CRATE::TEST | WHY |`"))).collect()
}

fn skip(row: &str) -> Option<Skip> {
    let (test, why) = row.strip_prefix('|')?.strip_suffix('|')?.split_once('|')?;
    let (test, why) = (test.trim().trim_matches('`'), why.trim());
    let is_whole = test.contains("::") && !why.is_empty();
    is_whole.then(|| Skip { test: test.to_owned(), why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rows: &[&str]) -> String {
        let head =
            "# Platforms\n\n| test | why |\n| --- | --- |\n| a::b | other table |\n\n## Skipped under Wine\n\nText.\n";
        format!("{head}\n| test | why |\n| --- | --- |\n{}\n## Next\n\n| a::c | c |\n", rows.concat())
    }

    #[test]
    fn the_table_below_the_heading_is_the_list() {
        assert_eq!(parse(&document(&[])), Ok(vec![]));
        let skip = Skip { test: "tempo-session::cli::it_ends".to_owned(), why: "Wine has no `x | y`".to_owned() };
        assert_eq!(parse(&document(&["| `tempo-session::cli::it_ends` | Wine has no `x | y` |\n"])), Ok(vec![skip]));
    }

    #[test]
    fn a_long_list_is_an_error() {
        let why = parse(&document(&["| a::b | c |\n"; 6])).unwrap_err();
        assert!(why.starts_with("6 tests"), "{why}");
    }

    #[test]
    fn a_malformed_list_is_an_error() {
        for text in ["", "## Skipped under Wine\n", &document(&["| a::b | |\n"]), &document(&["| test | c |\n"])] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_document_has_a_list() {
        assert!(read().is_ok());
    }
}
