//! Converts a declared objective to the one that decisions use.

use agent_pool_core::wire::pool::Objective as Declared;
use agent_pool_sizing::{Floor, Objective, ObjectiveError};

/// The objective of a pool that may have `max_total` instances.
pub(crate) fn parse_objective(
    declared: &Declared,
    max_total: u32,
) -> Result<Objective, ObjectiveError> {
    let max = declared.max.unwrap_or(max_total).min(max_total);
    let zone = declared.time_zone.as_deref().unwrap_or("UTC");
    let mut objective = Objective::new(declared.hit_rate.share(), declared.min.min(max), max)?;
    if declared.max.is_some_and(|max| declared.min > max) {
        let (min, max) = (declared.min, max);
        return Err(ObjectiveError::Bounds { min, max });
    }
    if declared.step_up == Some(0) || declared.step_down == Some(0) {
        return Err(ObjectiveError::Step);
    }
    objective.step_up = declared.step_up;
    objective.step_down = declared.step_down;
    objective.zone = Objective::parse_zone(zone)?;
    let floors = declared.floors.iter();
    let floors = floors.map(|floor| Floor::new(&floor.from, zone, floor.minutes, floor.min));
    objective.floors = floors.collect::<Result<_, _>>()?;
    Ok(objective)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: Value) -> Result<Objective, ObjectiveError> {
        parse_objective(&serde_json::from_value(value).unwrap(), 20)
    }

    #[test]
    fn bounds_follow_the_pool_and_faults_are_found() {
        let objective = parse(json!({ "hitRate": "99%", "max": 50 })).unwrap();
        assert_eq!((objective.min, objective.max), (0, 20));
        let zone = json!({ "hitRate": "99%", "timeZone": "Mars" });
        assert_eq!(
            parse(zone).unwrap_err(),
            ObjectiveError::Zone("Mars".to_owned())
        );
        assert!(parse(json!({ "hitRate": "99%", "min": 9, "max": 8 })).is_err());
        assert_eq!(
            parse(json!({ "hitRate": "99%", "stepUp": 0 })).unwrap_err(),
            ObjectiveError::Step
        );
        let floor = json!({ "from": "nonsense", "minutes": 1, "min": 1 });
        assert!(parse(json!({ "hitRate": "99%", "floors": [floor] })).is_err());
    }
}
