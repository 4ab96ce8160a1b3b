//! Cases about destruction: it is complete, can be repeated, accepts unknown ids, and removes nothing else.

use super::bench::Bench;
use super::cancel::{POLLS, polled};
use super::case::Case;
use super::harness::Fault;
use super::subject::Subject;
use super::verdict::{Tried, Verdict, ensure};
use crate::{ErrorKind, InstanceId};

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "destroyed",
            promise: "No resource of the instance, of any kind, is left at the vendor.",
            matters: "A key that still exists can be used, and a volume or a number continues to cost money.",
            run: |bench| Box::pin(destroyed(bench)),
        },
        Case {
            name: "destroyed_twice",
            promise: "Destroying what no longer exists succeeds.",
            matters: "A destruction is repeated until it succeeds: one that never does keeps its row for ever.",
            run: |bench| Box::pin(twice(bench)),
        },
        Case {
            name: "unknown_destroyed",
            promise: "Destroying what never existed succeeds and touches nothing else.",
            matters: "An instance whose creation failed is destroyed too; that must succeed and harm no other instance.",
            run: |bench| Box::pin(unknown(bench)),
        },
        Case {
            name: "odd_ids",
            promise: "An id with characters that are special in a URL is encoded, so that it names only its own resource.",
            matters: "An id that is cut short by a ? or # names another instance's resource, which is then lost.",
            run: |bench| Box::pin(ids_needing_encoding(bench)),
        },
        Case {
            name: "refused_is_not_gone",
            promise: "A refusal that could mean \"does not exist\" or \"not allowed\" is checked before it counts as destroyed.",
            matters: "A revoked key would make every resource look destroyed: rows are deleted, and the vendor continues to bill.",
            run: |bench| Box::pin(refusal_is_not_absence(bench)),
        },
        Case {
            name: "lost_removal",
            promise: "If an answer was lost, `list` still returns what remains, and a repeated call destroys it.",
            matters: "A remainder that cannot be found again, such as a volume without its service, costs money for ever.",
            run: |bench| Box::pin(lost_answer(bench)),
        },
        Case {
            name: "removal_cancelled",
            promise: "A call may be cancelled at any point by dropping its future; the next call then continues from what exists.",
            matters: "A deadline or a shutdown drops calls at any point; what is half removed must still be removed.",
            run: |bench| Box::pin(cancelled(bench)),
        },
    ]
}

async fn destroyed<S: Subject>(bench: &Bench<S>) -> Tried {
    let made = bench.make_one().await?;
    bench.remove(&made).await?;
    bench.has_nothing(S::instance(&made)).await
}

async fn twice<S: Subject>(bench: &Bench<S>) -> Tried {
    let made = bench.make_one().await?;
    bench.remove(&made).await?;
    bench.remove(&made).await
}

/// An unknown id of the same shape as a real one, so that the vendor accepts its syntax.
fn unknown_id(id: &str) -> String {
    let same_kind = |c: char| match c {
        '0'..='9' => '0',
        'a'..='z' => 'f',
        'A'..='Z' => 'F',
        other => other,
    };
    id.chars().map(same_kind).collect()
}

async fn unknown<S: Subject>(bench: &Bench<S>) -> Tried {
    let made = bench.make_one().await?;
    let other = bench.subject.with_id(&made, unknown_id(S::id(&made)));
    let Some(other) = other.filter(|other| S::id(other) != S::id(&made)) else {
        let why = "no unknown id can be made from this vendor's".to_owned();
        return Err(Verdict::NotApplicable(why));
    };
    bench.remove(&other).await?;
    bench.has_one(&made).await
}

async fn ids_needing_encoding<S: Subject>(bench: &Bench<S>) -> Tried {
    let made = bench.make_one().await?;
    let id = S::id(&made);
    for odd in [
        format!("{id}?x=1"),
        format!("{id}#x"),
        format!("{id}%00"),
        "..".to_owned(),
    ] {
        let Some(other) = bench.subject.with_id(&made, odd.clone()) else {
            continue;
        };
        let removed = bench.subject.remove(&bench.cx, &other).await;
        let refused = removed.as_ref().err().map(crate::ProviderError::kind);
        ensure!(
            matches!(refused, None | Some(ErrorKind::Invalid)),
            "destroying the unknown {odd:?} failed: {removed:?}"
        );
        bench.has_one(&made).await?;
    }
    Ok(())
}

async fn refusal_is_not_absence<S: Subject>(bench: &Bench<S>) -> Tried {
    let wrong = bench.subject.rebuilt(&bench.wrong_keys()?);
    let wrong = wrong.map_err(|error| Verdict::Broken(error.to_string()))?;
    let instance = InstanceId::generate();
    let made = bench.make(&instance).await?;
    let refused = wrong.remove(&bench.cx, &made).await;
    ensure!(refused.is_err(), "destroying with a wrong key succeeded");
    bench.has_one(&made).await
}

async fn lost_answer<S: Subject>(bench: &Bench<S>) -> Tried {
    let harness = bench.subject.harness();
    let mut lost = false;
    for removal in harness.removals() {
        let made = bench.make_one().await?;
        let instance = S::instance(&made);
        bench.fault(Fault::LostAnswer(removal)).await?;
        let first = bench.subject.remove(&bench.cx, &made).await;
        harness.heal().await;
        if first.is_err() {
            lost = true;
            for left in bench.listed(instance).await? {
                bench.remove(&left).await?;
            }
        }
        bench.has_nothing(instance).await?;
        bench.remove(&made).await?;
    }
    if lost {
        return Ok(());
    }
    let why = "no answer was lost: see `Harness::removals`".to_owned();
    Err(Verdict::NotApplicable(why))
}

async fn cancelled<S: Subject>(bench: &Bench<S>) -> Tried {
    for polls in 1..=POLLS {
        let made = bench.make_one().await?;
        let dropped = polled(bench.subject.remove(&bench.cx, &made), polls).await;
        bench.subject.harness().settle().await;
        bench.remove(&made).await?;
        bench.has_nothing(S::instance(&made)).await?;
        if dropped.is_some() {
            break;
        }
    }
    Ok(())
}
