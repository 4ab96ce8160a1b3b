//! The environment of a case: a new provider, its own mark, and helpers for cases.

use std::future::Future;
use std::time::Duration;

use super::harness::{Fault, Held};
use super::subject::Subject;
use super::verdict::{Tried, Verdict, ensure};
use crate::settings::Environment;
use crate::{Context, InstanceId, Mark, ProviderError, Secret, chain};

/// The value that replaces every secret setting to test a wrong key.
pub(super) const WRONG_KEY: &str = "a-key-that-is-wrong";
/// The number of attempts after transient errors, and the pauses between them.
const ATTEMPTS: usize = 20;
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Bench<S> {
    pub(super) subject: S,
    pub(super) cx: Context,
    /// A context whose environment name has the environment name of `cx` as a prefix.
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

    /// The resources of one instance, according to `list`.
    pub(super) async fn listed(&self, instance: &InstanceId) -> Result<Vec<S::Ref>, Verdict> {
        let mut listed = self.list().await?;
        listed.retain(|one| S::instance(one) == instance);
        Ok(listed)
    }

    /// The resources of one instance, according to the vendor.
    pub(super) async fn held(&self, instance: &InstanceId) -> Vec<Held> {
        self.subject.harness().settle().await;
        let label = self.cx.mark().label(instance);
        let mut held = self.subject.harness().held().await;
        held.retain(|thing| thing.label == label);
        held
    }

    /// Requires that the instance has one resource of each kind, and that `list` returns `made` and no other.
    pub(super) async fn has_one(&self, made: &S::Ref) -> Tried {
        let instance = S::instance(made);
        let mut kinds: Vec<_> = self.held(instance).await.iter().map(|h| h.kind).collect();
        kinds.sort_unstable();
        ensure!(
            !kinds.is_empty(),
            "the vendor has nothing of what was created"
        );
        let twice = kinds.windows(2).find(|pair| pair[0] == pair[1]);
        ensure!(
            twice.is_none(),
            "the vendor has for one instance: {}",
            kinds.join(", ")
        );
        let listed = self.listed(instance).await?;
        let (ids, id): (Vec<_>, _) = (listed.iter().map(S::id).collect(), S::id(made));
        ensure!(ids == [id], "list returned {ids:?} after {id} was created");
        Ok(())
    }

    /// Requires that the vendor has no resource of the instance, and no more in total than before the case.
    pub(super) async fn has_nothing(&self, instance: &InstanceId) -> Tried {
        let left = self.held(instance).await;
        ensure!(left.is_empty(), "the vendor still has {left:?}");
        let (now, before) = (self.subject.harness().held().await.len(), self.before);
        ensure!(
            now <= before,
            "the vendor had {before} resources before, and has {now} now"
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

    /// The environment with a wrong value for every secret setting.
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

    /// `text` with the secret settings redacted, for the report.
    pub(super) fn redacted(&self, text: String) -> String {
        let hide = |text: String, (_, secret): (String, Secret)| text.replace(secret.expose(), "…");
        self.secrets().into_iter().fold(text, hide)
    }

    /// Destroys the resources that the case left, so that nothing remains at a real vendor. Errors are ignored,
    /// because the case has already reported them.
    pub(super) async fn clean_up(&self) {
        for cx in [&self.cx, &self.neighbour] {
            for made in self.subject.list(cx).await.unwrap_or_default() {
                let _ = persist(|| self.subject.remove(cx, &made)).await;
            }
        }
    }
}

/// Repeats a call after transient errors, as the layers do.
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

/// The result of a call that must succeed.
pub(super) fn must<T>(operation: &str, result: Result<T, ProviderError>) -> Result<T, Verdict> {
    result.map_err(|error| Verdict::Broken(format!("{operation} failed: {}", chain(&error))))
}
