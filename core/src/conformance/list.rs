//! Cases about lists: they are complete, and omit resources of others and deleted ones.

use std::collections::HashMap;

use super::bench::{Bench, must, persist};
use super::case::Case;
use super::subject::Subject;
use super::verdict::{Tried, Verdict, ensure};
use crate::InstanceId;

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "three_pages",
            promise: "Follows the vendor's pages to the last one: an answer is complete, or an error.",
            matters: "What is not listed looks lost to the tick and is never found by the sweep.",
            run: |bench| Box::pin(three_pages(bench)),
        },
        Case {
            name: "own_environment",
            promise: "Omits other environments, even one whose name begins like ours.",
            matters: "Environments share accounts: a sweep would destroy another one's instances.",
            run: |bench| Box::pin(own_environment(bench)),
        },
        Case {
            name: "gone_not_listed",
            promise: "Omits what the vendor is already deleting.",
            matters: "A deleted resource that is listed is swept again and again, and reported as an orphan.",
            run: |bench| Box::pin(omits_deleted(bench)),
        },
    ]
}

async fn three_pages<S: Subject>(bench: &Bench<S>) -> Tried {
    let harness = bench.subject.harness();
    let Some(page) = harness.page_size() else {
        let why = "the vendor answers in one page".to_owned();
        return Err(Verdict::NotApplicable(why));
    };
    let wanted: Vec<_> = (0..=2 * page).map(|_| InstanceId::generate()).collect();
    let labels: Vec<_> = wanted.iter().map(|id| bench.cx.mark().label(id)).collect();
    if harness.seed(&labels).await.is_err() {
        for instance in &wanted {
            bench.make(instance).await?;
        }
    }
    harness.settle().await;
    let mut times = HashMap::new();
    for one in bench.list().await? {
        *times.entry(S::instance(&one).clone()).or_insert(0) += 1;
    }
    let missing = wanted.iter().filter(|id| !times.contains_key(*id)).count();
    let all = wanted.len();
    ensure!(
        missing == 0,
        "{missing} of {all} are missing, at {page} on a page"
    );
    ensure!(times.values().all(|&n| n == 1), "some are listed twice");
    ensure!(
        times.len() == all,
        "{} are listed, but {all} exist",
        times.len()
    );
    Ok(())
}

async fn own_environment<S: Subject>(bench: &Bench<S>) -> Tried {
    let theirs = InstanceId::generate();
    let made = persist(|| bench.subject.make(&bench.neighbour, &theirs)).await;
    must(S::MAKE, made)?;
    let ours = bench.make_one().await?;
    let listed = bench.list().await?;
    let ids: Vec<_> = listed.iter().map(S::id).collect();
    ensure!(
        ids == [S::id(&ours)],
        "list returned {ids:?}, but only {} is ours",
        S::id(&ours)
    );
    Ok(())
}

async fn omits_deleted<S: Subject>(bench: &Bench<S>) -> Tried {
    let made = bench.make_one().await?;
    bench.remove(&made).await?;
    let listed = bench.listed(S::instance(&made)).await?;
    let id = S::id(&made);
    ensure!(listed.is_empty(), "{id} is listed after it was destroyed");
    Ok(())
}
