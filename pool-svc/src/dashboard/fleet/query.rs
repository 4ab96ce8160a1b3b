//! The query string of the fleet page, parsed and written.

use agent_pool_core::wire::pool::Status;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer};
use url::form_urlencoded;

use super::super::db::fleet::{InstanceFilter, Order, Sort};

/// Which instances to show, and which operation just started.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct FleetQuery {
    pub(super) q: String,
    #[serde(deserialize_with = "empty_is_none")]
    pub(super) status: Option<Status>,
    /// The pool; empty for all.
    pub(super) pool: String,
    pub(super) sort: Column,
    pub(super) order: Direction,
    /// Starts at 1.
    pub(super) page: u32,
    /// How many instances were just drained.
    pub(super) drained: Option<u32>,
    /// How many creations were just started.
    pub(super) begun: Option<u32>,
    /// When, in microseconds since 1970: identifies the batch.
    pub(super) at: Option<i64>,
}

/// A sortable column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Column {
    Status,
    Name,
    Agent,
    #[default]
    Age,
    Health,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    #[default]
    Asc,
    Desc,
}

impl Direction {
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Asc => Self::Desc,
            Self::Desc => Self::Asc,
        }
    }
}

fn empty_is_none<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Status>, D::Error> {
    let word = String::deserialize(reader)?;
    if word.is_empty() {
        return Ok(None);
    }
    Status::deserialize(word.as_str().into_deserializer()).map(Some)
}

impl FleetQuery {
    /// The filter for the database. Age and time are opposites: the youngest instance has the latest time.
    pub(super) fn filter(&self) -> InstanceFilter {
        let (sort, reversed) = match self.sort {
            Column::Status => (Sort::Status, false),
            Column::Name => (Sort::Name, false),
            Column::Agent => (Sort::Agent, false),
            Column::Age => (Sort::Created, true),
            Column::Health => (Sort::Healthy, true),
        };
        let ascending = (self.order == Direction::Asc) != reversed;
        InstanceFilter {
            text: self.q.trim().to_owned(),
            status: self.status,
            pool: self.pool.clone(),
            sort,
            order: if ascending {
                Order::Ascending
            } else {
                Order::Descending
            },
        }
    }

    /// Whether some instances are left out.
    pub(super) fn is_filtered(&self) -> bool {
        self.status.is_some() || !self.pool.is_empty() || !self.q.trim().is_empty()
    }

    /// A link to the first page of a changed query.
    pub(super) fn change(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = Self {
            page: 1,
            drained: None,
            begun: None,
            at: None,
            ..self.clone()
        };
        change(&mut other);
        other.link()
    }

    /// Default values are left out.
    fn link(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.q.trim().is_empty() {
            query.append_pair("q", self.q.trim());
        }
        if let Some(status) = self.status {
            query.append_pair("status", status.as_str());
        }
        if !self.pool.is_empty() {
            query.append_pair("pool", &self.pool);
        }
        match self.sort {
            Column::Status => query.append_pair("sort", "status"),
            Column::Name => query.append_pair("sort", "name"),
            Column::Agent => query.append_pair("sort", "agent"),
            Column::Age => &mut query,
            Column::Health => query.append_pair("sort", "health"),
        };
        if self.order == Direction::Desc {
            query.append_pair("order", "desc");
        }
        if self.page > 1 {
            query.append_pair("page", &self.page.to_string());
        }
        match query.finish() {
            query if query.is_empty() => "/".to_owned(),
            query => format!("/?{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::body::parse_form;

    use super::*;

    fn read(query: &str) -> FleetQuery {
        parse_form(query.as_bytes()).unwrap()
    }

    #[test]
    fn a_link_asks_for_what_it_was_written_from() {
        for query in [
            "q=a%26b+c&status=idle&pool=research&sort=health&order=desc&page=3",
            "sort=agent",
        ] {
            assert_eq!(read(query).link(), format!("/?{query}"));
        }
        assert_eq!(read("").link(), "/");
        assert_eq!(read("q=+&status=&sort=age&order=asc&page=1").link(), "/");
    }

    #[test]
    fn a_change_begins_at_the_first_page_and_forgets_outcomes() {
        let query = read("q=x&page=7&drained=2&begun=3&at=7");
        assert_eq!(
            query.change(|it| it.order = Direction::Desc),
            "/?q=x&order=desc"
        );
    }

    #[test]
    fn a_word_that_means_nothing_is_refused() {
        for query in ["status=asleep", "sort=colour", "order=up", "page=x"] {
            let problem = parse_form::<FleetQuery>(query.as_bytes()).unwrap_err();
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (400, "invalid_field")
            );
        }
    }
}
