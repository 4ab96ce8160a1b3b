//! Removing: all of it, again, what never was, and nothing else.

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
            promise: "Nothing of the instance is left at the vendor, of whatever kind.",
            matters: "A key that lives on can be used, and a volume or a number costs on.",
            run: |bench| Box::pin(destroyed(bench)),
        },
        Case {
            name: "destroyed_twice",
            promise: "What is already gone is a success.",
            matters: "A destruction is repeated until it succeeds: one that never does keeps its instance for ever.",
            run: |bench| Box::pin(twice(bench)),
        },
        Case {
            name: "unknown_destroyed",
            promise: "What never was is a success, and nothing else is touched.",
            matters: "A row whose creation failed is destroyed too; it must end, and harm no other instance.",
            run: |bench| Box::pin(unknown(bench)),
        },
        Case {
            name: "odd_ids",
            promise: "An id with characters that mean something in an address is encoded: it names itself alone.",
            matters: "An id that is cut short by a ? or # names another instance's resource, which is then lost.",
            run: |bench| Box::pin(odd_ids(bench)),
        },
        Case {
            name: "refused_is_not_gone",
            promise: "A refusal that could mean \"gone\" or \"not allowed\" is looked into before it counts as gone.",
            matters: "A revoked key would make every resource look gone: rows vanish, and the vendor bills on.",
            run: |bench| Box::pin(refused(bench)),
        },
        Case {
            name: "lost_removal",
            promise: "If an answer was lost, `list` still returns what remains, and a repeated call destroys it.",
            matters: "What is half removed and cannot be found again, such as a volume without its service, costs on for ever.",
            run: |bench| Box::pin(lost_answer(bench)),
        },
        Case {
            name: "removal_cancelled",
            promise: "A call may be cancelled at any point by dropping its future; the next call then goes on from what is there.",
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

/// Of the same shape as a real id, so that the vendor takes it for one.
fn nobody(id: &str) -> String {
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
    let other = bench.subject.with_id(&made, nobody(S::id(&made)));
    let Some(other) = other.filter(|other| S::id(other) != S::id(&made)) else {
        let why = "no unknown id can be made from this vendor's".to_owned();
        return Err(Verdict::NotApplicable(why));
    };
    bench.remove(&other).await?;
    bench.has_one(&made).await
}

async fn odd_ids<S: Subject>(bench: &Bench<S>) -> Tried {
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

async fn refused<S: Subject>(bench: &Bench<S>) -> Tried {
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
