use agent_pool_core::prelude::*;

use crate::wire::{CreatedKey, Credits, FAULTS, Key, KeyChange, KeyOptions, LimitReset, NewKey};
use crate::wire::{Workspace, Workspaces};

/// Gives each instance a key of its own.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct OpenRouter {
    /// A management key; an ordinary key is refused.
    management_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    api_url: Url,
    /// What one key may spend, in US dollars.
    #[serde(default = "settings::amount::<20>")]
    key_limit: Amount,
    /// When the spent amount starts again at zero: daily, weekly or monthly. Not set: never.
    key_limit_reset: Option<LimitReset>,
    /// The workspace in which keys are made. Not set: the account's default one.
    workspace_id: Option<String>,
}

fn api_url() -> Url {
    settings::url("https://openrouter.ai/api/v1")
}

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

    /// Every key of the account: a list knows one workspace.
    async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>> {
        let workspaces = workspaces(api).await?;
        if workspaces.is_empty() {
            let problem = "answered no workspace, and there is always the default one";
            return Err(ProviderError::new(ErrorKind::Protocol, problem));
        }
        let mut all = Vec::new();
        for workspace in &workspaces {
            let keys = keys(api, workspace).await?.into_iter();
            all.extend(keys.map(|key| Found::new(key.hash, key.name).made_at(key.created_at)));
        }
        Ok(all)
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: KeyOptions,
    ) -> Answer<ProvisionedTool> {
        let key = NewKey {
            name: label,
            limit: options.limit.unwrap_or(self.key_limit),
            limit_reset: options.limit_reset.or(self.key_limit_reset),
            workspace_id: self.workspace_id.as_deref(),
        };
        let CreatedKey { data, key } = api.post(["keys"]).json(&key).fetch().await?;
        let tool = ProvisionedTool::new(&data.hash, [("OPENROUTER_API_KEY", key)])?;
        Ok(tool.with("label", data.label))
    }

    async fn delete(&self, api: Api<'_>, _: &str, hash: &str) -> Answer<()> {
        api.delete(["keys", hash]).done().await.map(drop)
    }

    /// `usd` spent by the key, `usd_remaining` of its limit, `account_usd_remaining` of the account's
    /// credits.
    async fn usage(&self, api: Api<'_>, hash: &str) -> Answer<Usage> {
        let key: Key = api.get(["keys", hash]).data().await?;
        let credits = credits(api).await?;
        let left = credits.total_credits - credits.total_usage;
        let measures = [
            ("usd", Some(key.usage)),
            ("usd_remaining", key.limit_remaining),
            ("account_usd_remaining", Some(left)),
        ];
        let told = measures
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Usage(told.collect()))
    }

    async fn update(&self, api: Api<'_>, hash: &str, options: &ToolOptions) -> Answer<()> {
        let change: KeyChange = read_options(options)?;
        let request = api.patch(["keys", hash]).json(&change);
        request.done().await.map(drop)
    }

    async fn verify(&self, api: Api<'_>) -> Answer<()> {
        credits(api).await.map(drop)
    }
}

async fn credits(api: Api<'_>) -> Answer<Credits> {
    api.get(["credits"]).data().await
}

async fn workspaces(api: Api<'_>) -> Answer<Vec<Workspace>> {
    let request = api.get(["workspaces"]).query("limit", 100);
    let read = |page: Workspaces, at: Option<usize>| {
        let (at, next) = (at.unwrap_or(0), at.unwrap_or(0) + page.data.len());
        Page {
            items: page.data,
            next: (at < next && next < page.total_count).then_some(next),
        }
    };
    request.pages("offset", read).await
}

/// The keys of one workspace, disabled ones too. No page size is promised: the list ends at an empty page.
async fn keys(api: Api<'_>, workspace: &Workspace) -> Answer<Vec<Key>> {
    let request = api.get(["keys"]).query("workspace_id", &workspace.id);
    let request = request.query("include_disabled", true);
    let read = |Data { data }: Data<Vec<Key>>, at: Option<usize>| Page {
        next: (!data.is_empty()).then_some(at.unwrap_or(0) + data.len()),
        items: data,
    };
    request.pages("offset", read).await
}
