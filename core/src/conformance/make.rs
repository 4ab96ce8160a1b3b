//! Cases about creation: once, repeated, concurrent, after a lost answer, after a cancellation.

use super::bench::{Bench, persist};
use super::cancel::{POLLS, polled};
use super::case::Case;
use super::harness::Fault;
use super::subject::Subject;
use super::verdict::{Tried, Verdict, ensure};
use crate::{Effect, InstanceId};

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "made_twice",
            promise: "Called again for the same instance, it returns what exists and completes what is missing; it never creates a second one.",
            matters: "Services calls again after every crash; a second resource would cost money and belong to no instance.",
            run: |bench| Box::pin(twice(bench)),
        },
        Case {
            name: "made_at_once",
            promise: "Two concurrent calls for one instance, through the layers, create one.",
            matters: "Two requests for one instance would each buy a resource, and one of them would be forgotten.",
            run: |bench| Box::pin(at_once(bench)),
        },
        Case {
            name: "lost_answer",
            promise: "A create that is not idempotent at the vendor and whose answer was lost is not repeated blindly: it looks up first.",
            matters: "A lost answer would leave a resource that costs money and has no row.",
            run: |bench| Box::pin(lost_answer(bench)),
        },
        Case {
            name: "half_made",
            promise: "After a failure, what exists can be found by the mark through `list`, or is undone.",
            matters: "The sweep destroys only what it can find; the rest costs money until somebody notices.",
            run: |bench| Box::pin(half_made(bench)),
        },
        Case {
            name: "cancelled",
            promise: "A call may be cancelled at any point by dropping its future; the next call then continues from what exists.",
            matters: "A deadline or a shutdown drops calls at any point; what they began must not be lost or created twice.",
            run: |bench| Box::pin(cancelled(bench)),
        },
    ]
}

async fn twice<S: Subject>(bench: &Bench<S>) -> Tried {
    let first = bench.make_one().await?;
    bench.has_one(&first).await?;
    let second = bench.make(S::instance(&first)).await?;
    bench.has_one(&second).await
}

async fn at_once<S: Subject>(bench: &Bench<S>) -> Tried {
    let instance = &InstanceId::generate();
    let layered = bench.subject.layered();
    let layered = layered.map_err(|error| Verdict::Broken(error.to_string()))?;
    let make = || persist(|| layered.make(&bench.cx, instance));
    let made = match tokio::join!(make(), make()) {
        (Ok(one), Ok(other)) => [one, other],
        (Err(error), _) | (_, Err(error)) => {
            return Err(Verdict::Broken(format!("one of two calls failed: {error}")));
        }
    };
    let listed = bench.listed(instance).await?;
    let ids: Vec<_> = listed.iter().map(S::id).collect();
    ensure!(ids.len() == 1, "list returned {ids:?} after two calls");
    let Some(answered) = made.iter().find(|one| S::id(one) == ids[0]) else {
        let how = format!("neither call returned {}, which exists", ids[0]);
        return Err(Verdict::Broken(how));
    };
    bench.has_one(answered).await
}

async fn lost_answer<S: Subject>(bench: &Bench<S>) -> Tried {
    for change in bench.subject.harness().changes() {
        let instance = InstanceId::generate();
        bench.fault(Fault::LostAnswer(change)).await?;
        let first = bench.subject.make(&bench.cx, &instance).await;
        bench.subject.harness().heal().await;
        if let Err(error) = first {
            let nothing = bench.held(&instance).await.is_empty();
            ensure!(
                nothing || error.effect() == Effect::Unknown,
                "the answer to {change} was lost, and the error says that nothing happened: {error}"
            );
        }
        let made = bench.make(&instance).await?;
        bench.has_one(&made).await?;
    }
    Ok(())
}

async fn half_made<S: Subject>(bench: &Bench<S>) -> Tried {
    for change in bench.subject.harness().changes() {
        let instance = InstanceId::generate();
        bench.fault(Fault::LostAnswer(change)).await?;
        let _ = bench.subject.make(&bench.cx, &instance).await;
        bench.subject.harness().heal().await;
        for made in bench.listed(&instance).await? {
            bench.remove(&made).await?;
        }
        bench.has_nothing(&instance).await?;
    }
    Ok(())
}

async fn cancelled<S: Subject>(bench: &Bench<S>) -> Tried {
    for polls in 1..=POLLS {
        let instance = InstanceId::generate();
        let dropped = polled(bench.subject.make(&bench.cx, &instance), polls).await;
        bench.subject.harness().settle().await;
        let made = bench.make(&instance).await?;
        bench.has_one(&made).await?;
        bench.remove(&made).await?;
        bench.has_nothing(&instance).await?;
        if dropped.is_some() {
            break;
        }
    }
    Ok(())
}
