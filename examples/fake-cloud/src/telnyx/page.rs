//! Pages by number and size, with the totals in `meta`.

use serde_json::{Value, json};

use super::error;
use crate::http::{Answer, BodyFault, Call};

/// 20 by default, at most 250 [S].
pub(crate) fn page(items: Vec<Value>, call: &Call) -> Result<Answer, Answer> {
    let number = |name: &str, usual: usize, most: usize| match call.param(name) {
        None => Ok(usual),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| error::body(&BodyFault::value(name, format!("must be 1 to {most}")))),
    };
    let page = number("page[number]", 1, usize::MAX)?;
    let size = number("page[size]", 20, 250)?;
    let total = items.len();
    let shown: Vec<Value> = items
        .into_iter()
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .collect();
    Ok(Answer::ok(json!({"data": shown, "meta": {
        "page_number": page, "page_size": size,
        "total_pages": total.div_ceil(size), "total_results": total,
    }})))
}
