//! Tables in plain text, without lines.

use comfy_table::{CellAlignment, Table};

/// Returns rows in columns as wide as their longest cells. Columns with the letter `r` are aligned to the right.
pub(crate) fn plain<R>(rows: impl IntoIterator<Item = R>, alignment: &str) -> String
where
    R: IntoIterator<Item = String>,
{
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    for row in rows {
        table.add_row(row.into_iter().collect::<Vec<_>>());
    }
    for (column, letter) in table.column_iter_mut().zip(alignment.chars()) {
        column.set_padding((0, 2));
        column.set_cell_alignment(if letter == 'r' { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned() {
        let rows = [["suite", "tests"], ["a", "7"], ["total", "12"]].map(|row| row.map(str::to_owned));
        assert_eq!(plain(rows, "lr"), "suite  tests\na          7\ntotal     12\n");
    }
}
