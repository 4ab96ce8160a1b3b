//! Tables without lines: a header, and a row for each item.

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Width};
use console::{Term, colors_enabled};

/// Columns of the terminal between two columns of a table.
const PADDING: u16 = 2;

/// A table that fits the terminal; not limited elsewhere.
#[derive(Debug)]
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table of these columns.
    pub(crate) fn new(head: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if colors_enabled() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let terminal = Term::stdout();
        // Set explicitly, because the library would use another terminal of the process if the output is not a
        // terminal.
        if let (true, Some((_, columns))) = (terminal.is_term(), terminal.size_checked()) {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(columns);
        }
        table.set_truncation_indicator("…");
        let cell = |title: &&str| {
            Cell::new(title)
                .fg(Color::DarkGrey)
                .add_attribute(Attribute::Bold)
        };
        table.set_header(head.iter().map(cell));
        for (column, title) in table.column_iter_mut().zip(head) {
            column.set_padding((0, PADDING));
            // Headers are not wrapped.
            let width = u16::try_from(title.len()).unwrap_or(u16::MAX);
            let width = Width::Fixed(width.saturating_add(PADDING));
            column.set_constraint(ColumnConstraint::LowerBoundary(width));
        }
        Self(table)
    }

    /// Keeps these columns, by index, at full width; the others are wrapped on a narrow terminal.
    pub(crate) fn keep(mut self, columns: &[usize]) -> Self {
        for &index in columns {
            if let Some(column) = self.0.column_mut(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        self
    }

    /// Adds a row on one line.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row = comfy_table::Row::from(cells.into_iter().collect::<Vec<_>>());
        row.max_height(1);
        self.0.add_row(row);
    }

    /// Adds a row whose texts may wrap.
    pub(crate) fn tall_row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.0.add_row(cells.into_iter().collect::<Vec<_>>());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, line) in self.0.lines().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}
