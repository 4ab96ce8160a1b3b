//! Where one case works: a fresh provider, a mark of its own, and what cases have in common.

use std::future::Future;
use std::time::Duration;

use super::case::{Tried, Verdict, ensure};
use super::harness::{Fault, Held};
use super::subject::Subject;
use crate::settings::Environment;
use crate::{Context, InstanceId, Mark, ProviderError, Secret, chain};

/// What every secret setting is replaced by, to be refused.
pub(super) const WRONG_KEY: &str = "a-key-that-is-wrong";
/// How often, and after which waits, a transient error is tried again.
const ATTEMPTS: usize = 20;
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Bench<S> {
    pub(super) subject: S,
    pub(super) cx: Context,
    /// An environment whose name begins like that of `cx`.
    pub(super) neighbour: Context,
    before: usize,
}

impl<S: Subject> Bench<S> {
    #[expect(clippy::expect_used, reason = "the names fit by their length")]
    pub(super) async fn new(subject: S, http: &reqwest::Client) -> Self {
        let random = InstanceId::generate().to_string();
        let name = format!("cf-{}", &random[..8]);
        let context = |name: String| {
            let environment = name.parse().expect("it is an environment name");
            Context::new(Mark::new(&environment), http.clone())
        };
        let before = subject.harness().held().await.len();
        Self {
            subject,
            neighbour: context(format!("{name}-b")),
            cx: context(name),
            before,
        }
    }

    pub(super) async fn make(&self, instance: &InstanceId) -> Result<S::Ref, Verdict> {
        let made = persist(|| self.subject.make(&self.cx, instance)).await;
        must(S::MAKE, made)
    }

    pub(super) async fn make_one(&self) -> Result<S::Ref, Verdict> {
        self.make(&InstanceId::generate()).await
    }

    pub(super) async fn remove(&self, made: &S::Ref) -> Tried {
        let removed = persist(|| self.subject.remove(&self.cx, made)).await;
        must("destroy", removed)
    }

    pub(super) async fn list(&self) -> Result<Vec<S::Ref>, Verdict> {
        must("list", persist(|| self.subject.list(&self.cx)).await)
    }

    /// What `list` answers for one instance.
    pub(super) async fn listed(&self, instance: &InstanceId) -> Result<Vec<S::Ref>, Verdict> {
        let mut listed = self.list().await?;
        listed.retain(|one| S::instance(one) == instance);
        Ok(listed)
    }

    /// What the vendor holds for one instance.
    pub(super) async fn held(&self, instance: &InstanceId) -> Vec<Held> {
        self.subject.harness().settle().await;
        let label = self.cx.mark().label(instance);
        let mut held = self.subject.harness().held().await;
        held.retain(|thing| thing.label == label);
        held
    }

    /// The instance has one thing of each kind, and `list` answers `made` and no other.
    pub(super) async fn has_one(&self, made: &S::Ref) -> Tried {
        let instance = S::instance(made);
        let mut kinds: Vec<_> = self.held(instance).await.iter().map(|h| h.kind).collect();
        kinds.sort_unstable();
        ensure!(
            !kinds.is_empty(),
            "the vendor holds nothing of what was made"
        );
        let twice = kinds.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(
            twice.is_none(),
            "the vendor holds for one instance: {}",
            kinds.join(", ")
        );
        let listed = self.listed(instance).await?;
        let (ids, id): (Vec<_>, _) = (listed.iter().map(S::id).collect(), S::id(made));
        ensure!(ids == [id], "list answers {ids:?} where {id} was made");
        Ok(())
    }

    /// The vendor holds nothing of the instance, and no more in all than before the case.
    pub(super) async fn has_nothing(&self, instance: &InstanceId) -> Tried {
        let left = self.held(instance).await;
        ensure!(left.is_empty(), "the vendor still holds {left:?}");
        let (now, before) = (self.subject.harness().held().await.len(), self.before);
        ensure!(
            now <= before,
            "the vendor held {before} things before, and holds {now} now"
        );
        Ok(())
    }

    pub(super) async fn fault(&self, fault: Fault) -> Tried {
        let done = self.subject.harness().fault(fault).await;
        done.map_err(|why| Verdict::NotApplicable(why.0.to_owned()))
    }

    /// The secret settings: their variables and values.
    pub(super) fn secrets(&self) -> Vec<(String, Secret)> {
        let environment = self.subject.harness().environment();
        let specs = self
            .subject
            .settings()
            .into_iter()
            .filter(|spec| spec.secret);
        specs
            .filter_map(|spec| {
                let value = Secret::new(environment.get(&spec.variable)?);
                Some((spec.variable, value))
            })
            .collect()
    }

    /// The environment with another value in every secret.
    pub(super) fn wrong_keys(&self) -> Result<Environment, Verdict> {
        let secrets = self.secrets();
        if secrets.is_empty() {
            let why = "the provider has no secret setting".to_owned();
            return Err(Verdict::NotApplicable(why));
        }
        let mut environment = self.subject.harness().environment();
        for (variable, _) in secrets {
            environment.set(variable, WRONG_KEY);
        }
        Ok(environment)
    }

    /// A text for the report, without the secret settings.
    pub(super) fn redacted(&self, text: String) -> String {
        let hide = |text: String, (_, secret): (String, Secret)| text.replace(secret.expose(), "…");
        self.secrets().into_iter().fold(text, hide)
    }

    /// Destroys what the case left, so that a real vendor is not littered. Where that fails, the case has
    /// said why.
    pub(super) async fn clean_up(&self) {
        for cx in [&self.cx, &self.neighbour] {
            for made in self.subject.list(cx).await.unwrap_or_default() {
                let _ = persist(|| self.subject.remove(cx, &made)).await;
            }
        }
    }
}

/// The answer after what passes has passed, as the layers would have it.
pub(super) async fn persist<T, F>(call: impl Fn() -> F) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let mut attempt = 1;
    loop {
        match call().await {
            Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                let asked = error.retry_after().unwrap_or_default();
                tokio::time::sleep(asked.clamp(SHORTEST_WAIT, LONGEST_WAIT)).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// The answer of a call that has no reason to fail.
pub(super) fn must<T>(operation: &str, result: Result<T, ProviderError>) -> Result<T, Verdict> {
    result.map_err(|error| Verdict::Broken(format!("{operation} failed: {}", chain(&error))))
}
