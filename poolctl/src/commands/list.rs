//! `poolctl list`.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{Counts, InstanceView, PoolStatus, Status};
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::sort::Sort;
use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, age, ago, bad, cell, dim, during, plain, status_word, strong};

/// List instances
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Show only instances in these statuses
    #[arg(long, value_name = "STATUS,STATUS", value_delimiter = ',', value_parser = status)]
    status: Vec<Status>,

    /// Show only instances of this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<PoolName>,

    /// Show only instances with this text in their name, agent or URL
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Sort by
    #[arg(long, value_enum, default_value_t)]
    sort: Sort,

    /// Reverse the order
    #[arg(long, short)]
    reverse: bool,
}

/// The JSON output.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    counts: Counts,
    instances: Vec<&'a InstanceView>,
}

impl List {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let pool = during("asking Pool", target.pool.status()).await;
        let pool = pool.map_err(|error| Failure::of_call("list the instances", &error))?;
        let instances = self.select(&pool.instances);
        let listed = Listed {
            counts: pool.counts,
            instances,
        };
        out.answer(&listed, || shown(&pool, &listed.instances, Utc::now()))?;
        Ok(Exit::Done)
    }

    fn select<'a>(&self, all: &'a [InstanceView]) -> Vec<&'a InstanceView> {
        let in_status =
            |it: &&InstanceView| self.status.is_empty() || self.status.contains(&it.status);
        let searched = self.search.as_ref().map(|text| text.to_lowercase());
        let matches = |it: &&InstanceView| searched.as_ref().is_none_or(|text| has(it, text));
        let in_pool = |it: &&InstanceView| self.pool.as_ref().is_none_or(|pool| it.pool == *pool);
        let chosen = all.iter().filter(in_pool).filter(in_status);
        let mut found: Vec<_> = chosen.filter(matches).collect();
        self.sort.apply(&mut found);
        if self.reverse {
            found.reverse();
        }
        found
    }
}

/// Parses a status.
pub(crate) fn status(word: &str) -> Result<Status, String> {
    let known = Status::ALL.into_iter().find(|it| it.as_str() == word);
    known.ok_or_else(|| {
        let words: Vec<_> = Status::ALL.iter().map(|it| it.as_str()).collect();
        format!("expected one of {}", words.join(", "))
    })
}

fn has(it: &InstanceView, text: &str) -> bool {
    let url = it.url.as_ref().map(url::Url::as_str);
    let texts = [Some(it.name.as_str()), it.agent_name.as_deref(), url];
    texts
        .into_iter()
        .flatten()
        .any(|one| one.to_lowercase().contains(text))
}

fn shown(pool: &PoolStatus, instances: &[&InstanceView], now: DateTime<Utc>) -> String {
    let mut text = summary(pool);
    for alarm in alarms(pool, now) {
        text += &format!("\n{}", bad(&format!("! {alarm}")));
    }
    if instances.is_empty() {
        let none = if pool.instances.is_empty() {
            "No instances."
        } else {
            "No instance matches."
        };
        return format!("{text}\n\n{none}");
    }
    let mut table =
        Table::new(&["STATUS", "ID", "AGENT", "AGE", "HEALTHY", "URL"]).keep(&[0, 1, 3, 4]);
    for it in instances {
        table.row([
            status_word(it.status),
            cell(&it.id),
            cell(it.agent_name.as_deref().unwrap_or("-")),
            cell(age(it.created_at, now)),
            cell(
                it.last_healthy_at
                    .map_or_else(|| "-".to_owned(), |at| ago(at, now)),
            ),
            cell(it.url.as_ref().map_or("-", url::Url::as_str)),
        ]);
    }
    format!("{text}\n\n{table}")
}

/// The count of each status with instances, always of idle, and the configured limits.
fn summary(pool: &PoolStatus) -> String {
    let wanted = dim(&format!(
        "(target: {} idle, limit: {} in total)",
        pool.min_idle, pool.max_total
    ));
    let each = statuses(&pool.counts).into_iter();
    let each = each.filter(|(status, count)| *count > 0 || *status == Status::Idle);
    let each: Vec<String> = each
        .map(|(status, count)| format!("{} {}", strong(&count.to_string()), status.as_str()))
        .collect();
    format!("{}  {wanted}", each.join(&dim(" · ")))
}

/// Each status with its count.
pub(crate) fn statuses(counts: &Counts) -> [(Status, u32); 6] {
    let of = |status| match status {
        Status::Starting => counts.starting,
        Status::Idle => counts.idle,
        Status::Claiming => counts.claiming,
        Status::Claimed => counts.claimed,
        Status::Crashed => counts.crashed,
        Status::Destroying => counts.destroying,
    };
    Status::ALL.map(|status| (status, of(status)))
}

/// Problems that an operator should know about.
pub(crate) fn alarms(pool: &PoolStatus, now: DateTime<Utc>) -> Vec<String> {
    let unobserved = pool.unobserved.iter().map(|it| {
        let since = age(it.since, now);
        plain(format!("not observed for {since}: {}", it.reason))
    });
    let failures = pool.creation_failures.iter().map(|it| {
        let times = it.failures_in_a_row;
        plain(format!(
            "{times} creations in a row failed ({}): {}",
            it.cause, it.error
        ))
    });
    unobserved.chain(failures).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use agent_pool_core::InstanceId;
    use chrono::TimeDelta;

    use super::*;

    /// A fleet of this size, with every status in turn, the first one the oldest.
    pub(crate) fn fleet(size: i32) -> PoolStatus {
        let now = Utc::now();
        let statuses = Status::ALL.into_iter().cycle();
        let instances = (0..size).zip(statuses).map(|(index, status)| InstanceView {
            id: InstanceId::generate(),
            name: format!("convos-agent-{index}"),
            url: None,
            pool: PoolName::default(),
            status,
            agent_name: (status == Status::Claimed).then(|| format!("Tulip {index}")),
            conversation_id: None,
            invite_url: None,
            created_at: now + TimeDelta::seconds(index.into()),
            claimed_at: None,
            last_healthy_at: Some(now - TimeDelta::seconds(index.into())),
            accept_by: None,
            ends_at: None,
            protected: false,
            made_from: None,
            runs: None,
        });
        PoolStatus {
            counts: Counts::default(),
            min_idle: 3,
            targets: BTreeMap::new(),
            max_total: 100,
            unobserved: None,
            creation_failures: Vec::new(),
            last_create_error: None,
            instances: instances.collect(),
        }
    }

    fn names(list: &List, fleet: &PoolStatus) -> Vec<String> {
        let found = list.select(&fleet.instances).into_iter();
        found
            .map(|it| it.name.trim_start_matches("convos-agent-").to_owned())
            .collect()
    }

    fn all(sort: Sort) -> List {
        List {
            status: Vec::new(),
            pool: None,
            search: None,
            sort,
            reverse: false,
        }
    }

    #[test]
    fn instances_are_filtered_searched_and_sorted() {
        let fleet = fleet(7);
        assert_eq!(names(&all(Sort::Age), &fleet)[..2], ["6", "5"]);
        assert_eq!(names(&all(Sort::Status), &fleet)[..3], ["6", "0", "1"]);
        assert_eq!(names(&all(Sort::Agent), &fleet)[0], "3");
        assert_eq!(names(&all(Sort::Health), &fleet)[0], "6");
        let backwards = List {
            reverse: true,
            ..all(Sort::Age)
        };
        assert_eq!(names(&backwards, &fleet)[0], "0");
        let searched = List {
            search: Some("TULIP".to_owned()),
            ..all(Sort::Age)
        };
        assert_eq!(names(&searched, &fleet), ["3"]);
        let idle = List {
            status: vec![Status::Idle, Status::Crashed],
            ..all(Sort::Age)
        };
        assert_eq!(names(&idle, &fleet), ["4", "1"]);
    }
}
