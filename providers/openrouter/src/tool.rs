use agent_pool_core::prelude::*;
use chrono::{SecondsFormat, Utc};

use crate::settings::OpenRouter;
use crate::wire::{CreatedKey, Credits, FAULTS, Key, KeyChange, KeyOptions, ListedKey, NewKey};
use crate::wire::{Workspace, Workspaces};

#[async_trait]
impl HttpTool for OpenRouter {
    const ID: &str = "openrouter";
    const NAME: &str = "OpenRouter";
    const MODE: &str = "per-instance-key";
    const ENV_KEYS: &[&str] = &["OPENROUTER_API_KEY"];
    const CAPABILITIES: ToolCapabilities = ToolCapabilities::VERIFY.and_usage().and_update();
    type Options = KeyOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        VendorHttp::new(self.api_url.clone())
            .fault_table(&FAULTS)
            .bearer(&self.management_key, "OPENROUTER_MANAGEMENT_KEY")
    }

    /// The keys of every workspace, since one list contains one workspace. Without a list of workspaces, the keys of
    /// the default one and of the configured one.
    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let workspaces: Vec<Option<String>> = match workspaces(api).await {
            Ok(all) if !all.is_empty() => all.into_iter().map(|one| Some(one.id)).collect(),
            Ok(_) => self.known_workspaces(),
            Err(error) if is_absent_endpoint(&error) => self.known_workspaces(),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for workspace in &workspaces {
            let keys = keys(api, workspace.as_deref()).await?.into_iter();
            let resource =
                |key: ListedKey| VendorResource::new(key.hash, key.name).created_at(key.created_at);
            all.extend(keys.map(resource));
        }
        Ok(all)
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: KeyOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let key = NewKey {
            name: label,
            limit: options.limit.unwrap_or(self.key_limit),
            limit_reset: options.limit_reset.or(self.key_limit_reset),
            workspace_id: self.workspace_id.as_deref(),
            expires_at: self.expires_at(),
            include_byok_in_limit: self.include_byok_in_limit,
        };
        let CreatedKey { data, key } = api.post(["keys"]).json(&key).fetch().await?;
        if let Err(error) = self.assign_guardrail(api, &data.hash).await {
            // A key without its guardrail must not stay.
            absent_is_done(self.delete(api, label, &data.hash).await)?;
            return Err(error);
        }
        let tool = ProvisionedTool::new(&data.hash, [("OPENROUTER_API_KEY", key)])?;
        Ok(match data.label {
            Some(label) => tool.with("label", label),
            None => tool,
        })
    }

    async fn delete(&self, api: Api<'_>, _: &str, hash: &str) -> ProviderResult<()> {
        api.delete(["keys", hash]).execute().await.map(drop)
    }

    /// `usd` spent by the key, `usd_remaining` of its limit, `account_usd_remaining` of the account's credits.
    async fn usage(&self, api: Api<'_>, hash: &str) -> ProviderResult<Usage> {
        let key: Key = api.get(["keys", hash]).fetch_data().await?;
        let credits = credits(api).await?;
        let left = credits.total_credits - credits.total_usage;
        let measures = [
            ("usd", Some(key.usage.unwrap_or_default())),
            ("usd_remaining", key.limit_remaining),
            ("account_usd_remaining", Some(left)),
        ];
        let known = measures.into_iter();
        let known = known.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Usage(known.collect()))
    }

    async fn update(&self, api: Api<'_>, hash: &str, options: &ToolOptions) -> ProviderResult<()> {
        let change: KeyChange = read_options(options)?;
        let request = api.patch(["keys", hash]).json(&change);
        request.execute().await.map(drop)
    }

    async fn verify(&self, api: Api<'_>) -> ProviderResult<()> {
        credits(api).await.map(drop)
    }
}

impl OpenRouter {
    fn known_workspaces(&self) -> Vec<Option<String>> {
        // `None` is the default workspace.
        let configured = self.workspace_id.clone().map(Some);
        [None].into_iter().chain(configured).collect()
    }

    /// In UTC, as the vendor requires.
    fn expires_at(&self) -> Option<String> {
        let days = Duration::from_secs(86_400 * u64::from(self.key_expires_days?));
        Some((Utc::now() + days).to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    async fn assign_guardrail(&self, api: Api<'_>, hash: &str) -> ProviderResult<()> {
        let Some(guardrail) = &self.guardrail_id else {
            return Ok(());
        };
        let request = api.post(["guardrails", guardrail, "assignments", "keys"]);
        let request = request.json(&json!({ "key_hashes": [hash] }));
        request.execute().await.map(drop)
    }
}

/// Whether the account has no workspaces, or the key may not see them. The list of keys checks the key itself.
fn is_absent_endpoint(error: &ProviderError) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden)
}

async fn credits(api: Api<'_>) -> ProviderResult<Credits> {
    api.get(["credits"]).fetch_data().await
}

async fn workspaces(api: Api<'_>) -> ProviderResult<Vec<Workspace>> {
    let request = api.get(["workspaces"]).query("limit", 100);
    let read = |page: Workspaces, at: Option<usize>| {
        let (at, next) = (at.unwrap_or(0), at.unwrap_or(0) + page.data.len());
        Page {
            items: page.data,
            next: (at < next && next < page.total_count).then_some(next),
        }
    };
    request.fetch_pages("offset", read).await
}

/// The keys of one workspace, including disabled ones. The page size is not documented: the list ends at an empty
/// page.
async fn keys(api: Api<'_>, workspace: Option<&str>) -> ProviderResult<Vec<ListedKey>> {
    let request = api.get(["keys"]).query_each("workspace_id", workspace);
    let request = request.query("include_disabled", true);
    let read = |Data { data }: Data<Vec<ListItem<ListedKey>>>, at: Option<usize>| Page {
        next: (!data.is_empty()).then_some(at.unwrap_or(0) + data.len()),
        items: data,
    };
    request.fetch_pages("offset", read).await
}
