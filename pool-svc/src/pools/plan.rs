//! A pool in effect: its definition with the settings filled in.

use std::time::Duration;

use agent_pool_core::wire::pool::{Hold, HoldCause, Policy, Recipe};
use agent_pool_core::{PoolName, ToolId};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;

use super::budget::BudgetUse;
use super::{Definition, hold};
use crate::config::PoolSettings;
use crate::db::instances::{Demand, Wanted};
use crate::db::pools;
use crate::tools::Tools;

/// A pool in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) name: PoolName,
    /// The recipe with which instances are created and claimed. Tools come from the settings if the pool declares none;
    /// tools on demand are not included.
    pub(crate) recipe: Recipe,
    /// The tools that agents may request. Unlike the recipe, this is always the current list of the pool, not the one
    /// with which an instance was begun.
    pub(crate) demand_tools: Vec<ToolId>,
    /// How many idle instances to keep.
    pub(crate) target: u32,
    /// The reason for the target, in words.
    pub(crate) reason: String,
    /// Maximum number of its instances.
    pub(crate) max_total: u32,
    /// Why instances are only created on request of an operator.
    pub(crate) hold: Option<Hold>,
    /// Maximum number of its starting instances.
    pub(crate) max_starting: Option<u32>,
    /// How long an instance may be idle before it is replaced.
    pub(crate) max_idle: Option<Duration>,
    /// When its agents are ended, unless their claims say earlier.
    pub(crate) ends: EndRule,
    /// Its budget, and what is spent of it.
    pub(crate) budget: Option<BudgetUse>,
}

/// When the agents of a pool are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndRule {
    /// Maximum age, counted from the claim.
    pub(crate) ttl: Option<Duration>,
    /// Maximum time without activity.
    pub(crate) idle_timeout: Option<Duration>,
    /// How long before the end a warning is sent.
    pub(crate) warning: Duration,
}

/// The default warning time.
const WARNING: Duration = Duration::from_mins(10);
/// Divisor for how many stale idle instances are replaced at once: the target divided by it, plus one.
const KEPT_PER_REPLACEMENT: u32 = 10;

impl EndRule {
    fn new(policy: &Policy) -> Self {
        Self {
            ttl: seconds(policy.ttl_seconds),
            idle_timeout: seconds(policy.idle_timeout_seconds),
            warning: seconds(policy.warning_seconds).unwrap_or(WARNING),
        }
    }

    /// Whether it ends agents whose claims say nothing.
    pub(crate) fn ends_any(self) -> bool {
        self.ttl.or(self.idle_timeout).is_some()
    }
}

fn seconds(number: Option<u32>) -> Option<Duration> {
    number.map(|number| Duration::from_secs(number.into()))
}

impl Plan {
    pub(crate) fn new(pool: &Definition, settings: &PoolSettings) -> Self {
        let policy = &pool.spec.policy;
        let usual = if pool.name.is_default() {
            settings.pool_min_idle
        } else {
            0
        };
        let all = settings.pool_max_total;
        let max_total = policy.max_total.map_or(all, |max| max.min(all));
        let fixed = policy.min_idle.unwrap_or(usual);
        let (target, reason) = match (&policy.objective, &pool.sizing) {
            (None, _) => (fixed, format!("the policy sets {fixed}")),
            (Some(_), Some(sizing)) => (sizing.target.min(max_total), sizing.reason.clone()),
            (Some(objective), None) => {
                let min = objective.min.min(max_total);
                (
                    min,
                    format!("the minimum is {min} until the demand is known"),
                )
            }
        };
        let budget = policy
            .budget
            .map(|budget| BudgetUse::new(budget, pool.spending));
        let mut recipe = with_tools(pool.spec.recipe.clone(), settings);
        Self {
            name: pool.name.clone(),
            demand_tools: recipe.demand_tools.take().unwrap_or_default(),
            recipe,
            target,
            reason,
            max_total,
            hold: hold::pause(policy).or_else(|| budget.and_then(hold::spent)),
            budget,
            max_starting: policy.max_starting,
            max_idle: seconds(policy.max_idle_seconds),
            ends: EndRule::new(policy),
        }
    }

    /// Whether the pool creates instances on its own, including probes after failures.
    pub(crate) fn refills(&self) -> bool {
        let cause = self.hold.as_ref().map(|hold| hold.cause);
        matches!(cause, None | Some(HoldCause::Failing))
    }

    /// The demand to fill the target, at most `at_once`. Some of the `stale` instances are replaced: the new ones are
    /// created first, so that there are never fewer idle ones than the target.
    pub(crate) fn deficit(&self, at_once: u32, stale: u32) -> Demand {
        let replaced = stale.min(1 + self.target / KEPT_PER_REPLACEMENT);
        let warm = self.target.saturating_add(replaced);
        let reason = match replaced {
            0 => self.reason.clone(),
            _ => format!(
                "{}; {replaced} to be replaced, idle for too long",
                self.reason
            ),
        };
        let mut demand = self.demand(Wanted::Deficit { warm, at_once }, reason);
        demand.max_starting = self.max_starting;
        demand
    }

    /// The demand for `count` more.
    pub(crate) fn extra(&self, count: u32) -> Demand {
        let reason = format!("{count} more requested by an operator");
        self.demand(Wanted::Extra(count), reason)
    }

    fn demand(&self, wanted: Wanted, reason: String) -> Demand {
        Demand {
            pool: self.name.clone(),
            recipe: self.recipe.clone(),
            max_total: self.max_total,
            max_starting: None,
            wanted,
            reason,
        }
    }
}

/// `recipe` with each absent list of tools taken from the settings, without the tools that the recipe names in another
/// list.
pub(crate) fn with_tools(mut recipe: Recipe, settings: &PoolSettings) -> Recipe {
    let lists = [&recipe.tools, &recipe.claim_tools, &recipe.demand_tools];
    let named: Vec<ToolId> = lists.into_iter().flatten().flatten().cloned().collect();
    let usual = |tools: &Tools| {
        let others = tools.ids().iter().filter(|tool| !named.contains(tool));
        Some(others.cloned().collect())
    };
    recipe.tools = recipe.tools.or_else(|| usual(&settings.pool_tools));
    recipe.claim_tools = recipe
        .claim_tools
        .or_else(|| usual(&settings.pool_claim_tools));
    recipe.demand_tools = recipe
        .demand_tools
        .or_else(|| usual(&settings.pool_demand_tools));
    recipe
}

/// How many idle instances the pools keep in all.
pub(crate) fn total_target(plans: &[Plan]) -> u32 {
    plans.iter().map(|plan| plan.target).sum()
}

/// The plan of every pool, the pool `default` first.
pub(crate) async fn load_plans(
    conn: &mut AsyncPgConnection,
    settings: &PoolSettings,
) -> Result<Vec<Plan>, DbError> {
    let pools = pools::load(conn).await?;
    Ok(pools.iter().map(|pool| Plan::new(pool, settings)).collect())
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::Environment;

    use super::*;
    use crate::config::Config;

    fn settings() -> PoolSettings {
        let all = [
            ("POOL_API_KEY", "a-key-of-16-characters"),
            ("POOL_DATABASE_URL", "postgres://u:p@h/pool"),
            ("SERVICES_URL", "http://127.0.0.1:3002"),
            ("POOL_MIN_IDLE", "3"),
            ("POOL_MAX_TOTAL", "10"),
            ("POOL_TOOLS", "exa"),
        ];
        Config::from_env(&Environment::from_iter(all)).unwrap().pool
    }

    #[test]
    fn a_few_stale_instances_are_replaced_at_once_and_starting_ones_are_bounded() {
        let mut pool = Definition::of_settings();
        pool.spec.policy.min_idle = Some(10);
        pool.spec.policy.max_starting = Some(1);
        let plan = Plan::new(&pool, &settings());
        for (stale, wanted) in [(0, 10), (1, 11), (9, 12)] {
            let demand = plan.deficit(9, stale);
            let (warm, at_once) = (wanted, 9);
            assert_eq!(demand.wanted, Wanted::Deficit { warm, at_once });
            assert_eq!(demand.max_starting, Some(1));
        }
        assert_eq!(
            plan.extra(5).max_starting,
            None,
            "an operator asks for more"
        );
    }

    #[test]
    fn an_agent_is_ended_if_its_policy_says_when() {
        let mut pool = Definition::of_settings();
        assert!(!Plan::new(&pool, &settings()).ends.ends_any());
        pool.spec.policy.ttl_seconds = Some(3_600);
        let ends = Plan::new(&pool, &settings()).ends;
        assert!(ends.ends_any());
        assert_eq!(ends.warning, WARNING);
        assert_eq!(
            (ends.ttl, ends.idle_timeout),
            (Some(Duration::from_hours(1)), None)
        );
    }

    #[test]
    fn absent_members_follow_the_settings() {
        let plan = Plan::new(&Definition::of_settings(), &settings());
        assert_eq!(
            (plan.target, plan.max_total, plan.hold.clone()),
            (3, 10, None)
        );
        assert_eq!(plan.recipe.tools, Some(vec!["exa".parse().unwrap()]));
        let mut other = Definition::of_settings();
        other.name = "research".parse().unwrap();
        assert_eq!(Plan::new(&other, &settings()).target, 0);
        other.spec.policy.max_total = Some(99);
        other.spec.policy.min_idle = Some(4);
        other.spec.recipe.tools = Some(Vec::new());
        let plan = Plan::new(&other, &settings());
        assert_eq!(
            (plan.target, plan.max_total),
            (4, 10),
            "POOL_MAX_TOTAL is for all"
        );
        assert_eq!(plan.recipe.tools, Some(Vec::new()));
    }

    #[test]
    fn a_tool_that_a_recipe_names_is_made_then_and_at_no_other_time() {
        let mut settings = settings();
        let list = |text: &str| Tools::try_from(text.to_owned()).unwrap();
        settings.pool_tools = list("exa,agentmail");
        settings.pool_claim_tools = list("openrouter");
        let mut pool = Definition::of_settings();
        pool.spec.recipe.demand_tools = Some(list("telnyx,agentmail").ids().to_vec());
        let plan = Plan::new(&pool, &settings);
        assert_eq!(plan.recipe.tools, Some(list("exa").ids().to_vec()));
        assert_eq!(
            plan.recipe.claim_tools,
            Some(list("openrouter").ids().to_vec())
        );
        assert_eq!(plan.demand_tools, list("telnyx,agentmail").ids());
        assert_eq!(
            plan.recipe.demand_tools, None,
            "tools on demand are not part of the recipe"
        );
    }
}
