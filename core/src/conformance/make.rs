//! Making: once, again, at the same time, after a lost answer, after being dropped.

use super::bench::{Bench, persist};
use super::cancel::{POLLS, polled};
use super::case::{Case, Tried, Verdict, ensure};
use super::harness::Fault;
use super::subject::Subject;
use crate::{Effect, InstanceId};

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "made_twice",
            promise: "Called again for the same instance it answers what is there and completes what is missing; never does a second one come to be.",
            matters: "Services calls again after every crash; a second resource is paid for and belongs to nobody.",
            run: |bench| Box::pin(twice(bench)),
        },
        Case {
            name: "made_at_once",
            promise: "Two calls at once for one instance, through the layers, make one.",
            matters: "Two requests for one instance would each buy a resource, and one of them is forgotten.",
            run: |bench| Box::pin(at_once(bench)),
        },
        Case {
            name: "lost_answer",
            promise: "A create that is not idempotent at the vendor and whose answer was lost is not repeated blindly: it looks up first.",
            matters: "An answer lost on the way would leave a resource that is paid for and that no row knows.",
            run: |bench| Box::pin(lost_answer(bench)),
        },
        Case {
            name: "half_made",
            promise: "After a failure, what exists can be found by the mark through `list`, or is undone.",
            matters: "The sweep destroys only what it can find: the rest is paid for until somebody looks.",
            run: |bench| Box::pin(half_made(bench)),
        },
        Case {
            name: "cancelled",
            promise: "A call may be cancelled at any point by dropping its future; the next call then goes on from what is there.",
            matters: "A deadline or a shutdown drops calls at any point; what they began must not be lost or made twice.",
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
    ensure!(ids.len() == 1, "list answers {ids:?} after two calls");
    let Some(answered) = made.iter().find(|one| S::id(one) == ids[0]) else {
        let how = format!("neither call answered {}, which is there", ids[0]);
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
