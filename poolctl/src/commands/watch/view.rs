//! The state of the view: the fleet, its order and the selection.

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_client::CallError;
use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, PoolStatus, Status};
use ratatui::widgets::TableState;
use tokio::time::Instant;
use url::Url;

use crate::commands::sort::Sort;
use crate::failure::reason;

/// How long a change is highlighted.
const NEWS: Duration = Duration::from_secs(3);

/// The action of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Down,
    Up,
    PageDown,
    PageUp,
    First,
    Last,
    NextSort,
    NextFilter,
}

/// The fleet as shown.
#[derive(Debug)]
pub(super) struct View {
    pub(super) url: Url,
    pub(super) fleet: PoolStatus,
    /// Why the last request failed. The shown fleet is then that of the request before.
    pub(super) error: Option<String>,
    pub(super) sort: Sort,
    pub(super) filter: Option<Status>,
    pub(super) table: TableState,
    /// Number of rows that fit, set when drawing.
    pub(super) page: usize,
    changed: HashMap<InstanceId, Instant>,
}

impl View {
    pub(super) fn new(url: &Url, fleet: PoolStatus) -> Self {
        Self {
            url: url.clone(),
            fleet,
            error: None,
            sort: Sort::default(),
            filter: None,
            table: TableState::default(),
            page: 1,
            changed: HashMap::new(),
        }
    }

    /// Updates the fleet, and remembers what has changed.
    pub(super) fn look(&mut self, look: Result<PoolStatus, CallError>) {
        let fleet = match look {
            Ok(fleet) => fleet,
            Err(error) => {
                self.error = Some(reason(&error));
                return;
            }
        };
        let now = Instant::now();
        let before: HashMap<_, _> = self
            .fleet
            .instances
            .iter()
            .map(|it| (&it.id, it.status))
            .collect();
        self.changed.retain(|_, at| now - *at < NEWS);
        for it in &fleet.instances {
            if before.get(&it.id) != Some(&it.status) {
                self.changed.insert(it.id.clone(), now);
            }
        }
        self.error = None;
        self.fleet = fleet;
        self.keep_selected(0);
    }

    /// Whether its status has just changed.
    pub(super) fn is_new(&self, it: &InstanceView) -> bool {
        self.changed
            .get(&it.id)
            .is_some_and(|at| at.elapsed() < NEWS)
    }

    /// The rows, in order.
    pub(super) fn rows(&self) -> Vec<&InstanceView> {
        let wanted = |it: &&InstanceView| self.filter.is_none_or(|status| it.status == status);
        let mut rows: Vec<_> = self.fleet.instances.iter().filter(wanted).collect();
        self.sort.apply(&mut rows);
        rows
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        let page = isize::try_from(self.page).unwrap_or(1).max(1);
        match turn {
            Turn::Down => self.keep_selected(1),
            Turn::Up => self.keep_selected(-1),
            Turn::PageDown => self.keep_selected(page),
            Turn::PageUp => self.keep_selected(-page),
            Turn::First => self.keep_selected(isize::MIN),
            Turn::Last => self.keep_selected(isize::MAX),
            Turn::NextSort => self.sort = self.sort.next(),
            Turn::NextFilter => {
                self.filter = next_filter(self.filter);
                self.keep_selected(isize::MIN);
            }
        }
    }

    /// Moves the selection by this many rows, within the list. Nothing is selected at first.
    fn keep_selected(&mut self, by: isize) {
        let rows = self.rows().len();
        let selected = match self.table.selected() {
            None if by == 0 => return,
            None => 0,
            Some(at) => at.saturating_add_signed(by).min(rows.saturating_sub(1)),
        };
        self.table.select((rows > 0).then_some(selected));
    }
}

/// The next filter: all, then each status, then all again.
fn next_filter(filter: Option<Status>) -> Option<Status> {
    let Some(status) = filter else {
        return Some(Status::ALL[0]);
    };
    let mut after = Status::ALL.into_iter().skip_while(|it| *it != status);
    after.nth(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_pool_core::PoolName;
    use agent_pool_core::wire::pool::Counts;
    use chrono::Utc;

    use super::*;

    fn fleet(statuses: &[(&str, Status)]) -> PoolStatus {
        let instance = |(id, status): &(&str, Status)| InstanceView {
            id: id.parse().unwrap(),
            name: String::new(),
            url: None,
            pool: PoolName::default(),
            status: *status,
            agent_name: None,
            conversation_id: None,
            invite_url: None,
            created_at: Utc::now(),
            claimed_at: None,
            last_healthy_at: None,
            accept_by: None,
            ends_at: None,
            protected: false,
            made_from: None,
            runs: None,
        };
        PoolStatus {
            counts: Counts::default(),
            min_idle: 0,
            targets: BTreeMap::new(),
            max_total: 1,
            unobserved: None,
            creation_failures: Vec::new(),
            last_create_error: None,
            instances: statuses.iter().map(instance).collect(),
        }
    }

    fn view(statuses: &[(&str, Status)]) -> View {
        View::new(&"http://h".parse().unwrap(), fleet(statuses))
    }

    const ONE: &str = "aaaaaaaaaaaa";
    const OTHER: &str = "bbbbbbbbbbbb";

    #[tokio::test(start_paused = true)]
    async fn a_change_is_pointed_out_for_a_while() {
        let mut view = view(&[(ONE, Status::Idle), (OTHER, Status::Idle)]);
        view.look(Ok(fleet(&[(ONE, Status::Claimed), (OTHER, Status::Idle)])));
        let new = |view: &View| -> Vec<String> {
            let rows = view.rows().into_iter();
            rows.filter(|it| view.is_new(it))
                .map(|it| it.id.to_string())
                .collect()
        };
        assert_eq!(new(&view), [ONE]);
        tokio::time::advance(NEWS).await;
        assert!(new(&view).is_empty());
    }

    #[test]
    fn the_view_keeps_the_fleet_and_shows_the_error() {
        let mut view = view(&[(ONE, Status::Idle)]);
        view.look(Err(CallError::TimedOut {
            service: "Pool",
            after: NEWS,
        }));
        assert_eq!(view.rows().len(), 1);
        assert!(
            view.error
                .as_ref()
                .is_some_and(|it| it.contains("Pool did not answer"))
        );
        view.look(Ok(fleet(&[])));
        assert_eq!((view.rows().len(), view.error), (0, None));
    }

    #[test]
    fn the_selection_stays_within_the_rows_and_the_filter_goes_round() {
        let mut view = view(&[(ONE, Status::Idle), (OTHER, Status::Claimed)]);
        view.turn(Turn::Down);
        assert_eq!(view.table.selected(), Some(0));
        view.turn(Turn::Last);
        assert_eq!(view.table.selected(), Some(1));
        view.look(Ok(fleet(&[(ONE, Status::Idle)])));
        assert_eq!(view.table.selected(), Some(0));
        for status in Status::ALL {
            view.turn(Turn::NextFilter);
            assert_eq!(view.filter, Some(status));
        }
        view.turn(Turn::NextFilter);
        assert_eq!(view.filter, None);
    }
}
