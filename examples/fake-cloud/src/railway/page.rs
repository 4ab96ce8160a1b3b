//! Connections: pages by opaque cursors that survive deletions.

use super::message::Refusal;

/// The arguments of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageArgs {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
}

/// One page of rows with their cursors.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<(String, T)>,
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
}

impl<T> Page<T> {
    /// The same page, with each row mapped.
    pub(crate) fn map<U>(self, turn: impl Fn(T) -> U) -> Page<U> {
        Page {
            rows: self
                .rows
                .into_iter()
                .map(|(cursor, row)| (cursor, turn(row)))
                .collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

impl PageArgs {
    /// A page of rows in the order of their sequence, with at most `largest` rows.
    pub(crate) fn cut<T>(&self, rows: Vec<(u64, T)>, largest: usize) -> Result<Page<T>, Refusal> {
        let size = match self.first {
            None => largest,
            Some(first) => usize::try_from(first)
                .map_err(|_| Refusal::new("Expected first to be a positive number"))?
                .min(largest),
        };
        let start = match &self.after {
            None => 0,
            Some(cursor) => {
                let seq = decode(cursor).ok_or_else(|| Refusal::new("Invalid cursor"))?;
                rows.partition_point(|(row, _)| *row <= seq)
            }
        };
        let has_next = rows.len() > start + size;
        let page = rows.into_iter().skip(start).take(size);
        Ok(Page {
            rows: page
                .map(|(seq, row)| (format!("cursor:{seq:x}"), row))
                .collect(),
            has_next,
            has_previous: start > 0,
        })
    }
}

fn decode(cursor: &str) -> Option<u64> {
    u64::from_str_radix(cursor.strip_prefix("cursor:")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_whose_row_is_gone_goes_on_after_it() {
        let after = Some("cursor:2".to_owned());
        let args = PageArgs {
            first: Some(1),
            after,
        };
        let page = args.cut(vec![(1, 'a'), (3, 'c'), (4, 'd')], 500).unwrap();
        assert_eq!(page.rows, [("cursor:3".to_owned(), 'c')]);
        assert!(page.has_next && page.has_previous);
    }
}
