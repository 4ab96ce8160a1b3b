//! The part that the tool and the infra provider of these tests share: two kinds of resources per instance, each
//! looked up before it is created.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use agent_pool_core::settings::{self, Environment, SettingSpec, SettingsError};
use agent_pool_core::{Context, ErrorKind, InstanceId, ProviderError, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::flaw::Flaw;
use crate::vendor::{BY_DATE, CUT, IN_SECONDS, PAGE, STATUS_500, State, Thing, Vendor};

#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// The account's key.
    api_key: Secret,
}

pub(crate) fn describe() -> Vec<SettingSpec> {
    settings::describe::<Settings>("TRIAL_")
}

/// Our account at the vendor.
pub(crate) struct Account {
    vendor: Arc<Vendor>,
    key: Secret,
    flaw: Option<Flaw>,
    begun: Mutex<HashSet<InstanceId>>,
    removing: Mutex<HashSet<String>>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.has(Flaw::KeyInDebug).then(|| self.key.expose());
        f.debug_struct("Account")
            .field("key", &shown)
            .finish_non_exhaustive()
    }
}

impl Account {
    pub(crate) fn build(
        vendor: &Arc<Vendor>,
        flaw: Option<Flaw>,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let key = match settings::read::<Settings>("TRIAL_", environment) {
            Err(_) if flaw == Some(Flaw::NeedsNoKey) => Secret::new(""),
            read => read?.api_key,
        };
        Ok(Self {
            vendor: Arc::clone(vendor),
            key,
            flaw,
            begun: Mutex::default(),
            removing: Mutex::default(),
        })
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Sends one request to the vendor and converts its outcome.
    pub(crate) async fn call<T: Default>(
        &self,
        cx: &Context,
        operation: &str,
        act: impl FnOnce(&mut State) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        if self.has(Flaw::KeyInTraces) {
            tracing::debug!(key = self.key.expose(), "asking");
        }
        let answer = if self.has(Flaw::IgnoresTheDeadline) {
            let patient = Context::new(cx.mark().clone(), cx.http().clone());
            self.vendor.call(&patient, &self.key, operation, act).await
        } else {
            self.vendor.call(cx, &self.key, operation, act).await
        };
        answer.or_else(|error| self.misread(operation, error))
    }

    fn misread<T: Default>(
        &self,
        operation: &str,
        error: ProviderError,
    ) -> Result<T, ProviderError> {
        let misread = |kind| Err(ProviderError::new(kind, "misread"));
        let said = |words| error.to_string().ends_with(words);
        match (self.flaw, error.kind()) {
            (Some(Flaw::KeyIsForbidden), ErrorKind::Unauthorized) => misread(ErrorKind::Forbidden),
            (Some(Flaw::LosesTheSeconds), kind) if said(IN_SECONDS) => misread(kind),
            (Some(Flaw::LosesTheDate), kind) if said(BY_DATE) => misread(kind),
            (Some(Flaw::DownIsInvalid), _) if said(STATUS_500) => misread(ErrorKind::Invalid),
            (Some(Flaw::CutIsInvalid), _) if said(CUT) => misread(ErrorKind::Invalid),
            (Some(Flaw::NonsenseIsEmpty), ErrorKind::Protocol) => Ok(T::default()),
            (Some(Flaw::RefusedIsGone), ErrorKind::Unauthorized) if operation == "look" => {
                Ok(T::default())
            }
            (Some(Flaw::KeyInErrors), kind) => {
                let shown = format!("refused {}", self.key.expose());
                let wait = error.retry_after().unwrap_or_default();
                Err(ProviderError::new(kind, shown).with_retry_after(wait))
            }
            _ => Err(error),
        }
    }

    async fn everything(&self, cx: &Context) -> Result<Vec<Thing>, ProviderError> {
        let mut all = Vec::new();
        loop {
            let at = all.len();
            let page = self.call(cx, "list", |vendor| Ok(vendor.page(at))).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Finds or creates each of `kinds`, and returns the first.
    pub(crate) async fn make(
        &self,
        cx: &Context,
        instance: &InstanceId,
        kinds: [&'static str; 2],
    ) -> Result<Thing, ProviderError> {
        if !self.begun.lock().unwrap().insert(instance.clone())
            && self.has(Flaw::RemembersWhatItBegan)
        {
            return Err(ProviderError::new(ErrorKind::Invalid, "it is being made"));
        }
        let outcome = self.make_all(cx, instance, kinds).await;
        self.begun.lock().unwrap().remove(instance);
        outcome
    }

    async fn make_all(
        &self,
        cx: &Context,
        instance: &InstanceId,
        kinds: [&'static str; 2],
    ) -> Result<Thing, ProviderError> {
        let label = cx.mark().label(instance);
        for kind in kinds {
            let all = self.everything(cx).await?;
            let there = all
                .iter()
                .any(|thing| thing.kind == kind && thing.label == label);
            if !there || self.has(Flaw::MakesAnother) {
                self.create(cx, kind, &label).await?;
            }
        }
        let all = self.everything(cx).await?;
        let made = all
            .into_iter()
            .find(|thing| thing.kind == kinds[0] && thing.label == label);
        made.ok_or_else(|| ProviderError::new(ErrorKind::Protocol, "it is not listed"))
    }

    async fn create(
        &self,
        cx: &Context,
        kind: &'static str,
        label: &str,
    ) -> Result<(), ProviderError> {
        let create = || {
            self.call(cx, kind, |vendor| {
                vendor.create(kind, label);
                Ok(())
            })
        };
        match create().await {
            Err(error)
                if error.kind() == ErrorKind::Unavailable && self.has(Flaw::RepeatsBlindly) =>
            {
                create().await
            }
            outcome => outcome,
        }
    }

    /// Removes the resources with the instance's label, and the one with the id.
    pub(crate) async fn remove(&self, cx: &Context, id: &str) -> Result<(), ProviderError> {
        if !self.removing.lock().unwrap().insert(id.to_owned())
            && self.has(Flaw::RemembersWhatItRemoves)
        {
            return Err(ProviderError::new(
                ErrorKind::Invalid,
                "it is being removed",
            ));
        }
        let outcome = self.remove_all(cx, id).await;
        self.removing.lock().unwrap().remove(id);
        outcome
    }

    async fn remove_all(&self, cx: &Context, id: &str) -> Result<(), ProviderError> {
        let id = match self.has(Flaw::CutsIds) {
            true => id.split(['?', '#']).next().unwrap_or_default(),
            false => id,
        };
        let wanted = self
            .call(cx, "look", |vendor| Ok(vendor.thing(id).ok().cloned()))
            .await?;
        let Some(main) = wanted else {
            let was = self.vendor.state().gone.iter().any(|thing| thing.id == id);
            return match self.flaw {
                Some(Flaw::AbsentIsAnError) if was => {
                    Err(ProviderError::new(ErrorKind::NotFound, "it is gone"))
                }
                Some(Flaw::UnknownIsAnError) if !was => {
                    Err(ProviderError::new(ErrorKind::Invalid, "it never was"))
                }
                _ => Ok(()),
            };
        };
        let mut all = self.everything(cx).await?;
        all.retain(|thing| thing.label == main.label);
        let ran = !main.deployments.is_empty();
        if self.has(Flaw::LeavesTheSecond) || (ran && self.has(Flaw::LeavesWhatRan)) {
            all.retain(|thing| thing.id == id);
        }
        // The resource by which the others are found is removed last.
        all.sort_by_key(|thing| (thing.id == id) != self.has(Flaw::RemovesRootFirst));
        for thing in all {
            let deleted = self
                .call(cx, "delete", |vendor| vendor.delete(&thing.id))
                .await;
            match deleted {
                Err(error)
                    if error.kind() == ErrorKind::Unavailable && self.has(Flaw::LostIsDone) =>
                {
                    return Ok(());
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// The resources of the first kind in this environment, by instance.
    pub(crate) async fn list(
        &self,
        cx: &Context,
        kinds: [&'static str; 2],
    ) -> Result<Vec<(InstanceId, Thing)>, ProviderError> {
        let mut all = self.everything(cx).await?;
        if self.has(Flaw::LosesTheLastPage) && all.len() > 2 * PAGE {
            all.truncate((all.len() - 1) / PAGE * PAGE);
        }
        if self.has(Flaw::ListsTheGone) {
            all.extend(self.vendor.state().gone.iter().cloned());
        }
        let has = |label: &str, kind| all.iter().any(|t| t.label == label && t.kind == kind);
        let shown = |thing: &&Thing| {
            let whole = has(&thing.label, kinds[1]) || !self.has(Flaw::HidesTheHalfMade);
            thing.kind == kinds[0] && whole
        };
        let ours = all
            .iter()
            .filter(shown)
            .filter_map(|thing| Some((self.instance(cx, &thing.label)?, thing.clone())));
        Ok(ours.collect())
    }

    fn instance(&self, cx: &Context, label: &str) -> Option<InstanceId> {
        if self.has(Flaw::TakesTheNeighbours) && label.starts_with(cx.mark().prefix()) {
            return label[label.len() - InstanceId::LEN..].parse().ok();
        }
        cx.mark().instance(label)
    }
}
