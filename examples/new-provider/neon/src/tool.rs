use agent_pool_core::prelude::*;

use crate::settings::Neon;
use crate::wire::{Branch, Branches, Looked, NewBranch, NewPassword, Operation};

/// `{"code": "…", "message": "…"}`; 423 while another operation of the project is in progress.
const FAULTS: FaultTable = FaultTable {
    messages: &["/message"],
    passing_status: &[423],
    ..FaultTable::BY_STATUS
};

#[async_trait]
impl HttpTool for Neon {
    const ID: &str = "neon";
    const NAME: &str = "Neon";
    const MODE: &str = "per-instance-branch";
    const ENV_KEYS: &[&str] = &["DATABASE_URL"];
    type Options = NoOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        let http = VendorHttp::new(self.api_url.clone()).fault_table(&FAULTS);
        http.bearer(&self.api_key, "NEON_API_KEY")
    }

    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let read = |page: Branches, _: Option<String>| Page {
            items: page.branches,
            next: page.pagination.and_then(|pagination| pagination.next),
        };
        let request = api.get(["projects", &self.project_id, "branches"]);
        let branches = request.fetch_pages("cursor", read).await?;
        let resource =
            |one: Branch| VendorResource::new(one.id, one.name).created_at(one.created_at);
        Ok(branches.into_iter().map(resource).collect())
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        _: NoOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let body = json!({ "branch": { "name": label }, "endpoints": [{ "type": "read_write" }] });
        let request = api.post(["projects", &self.project_id, "branches"]);
        let new: NewBranch = request.json(&body).fetch().await?;
        self.finish(api, &new.operations).await?;
        // A branch has its parent's passwords.
        let id = new.branch.id.as_str();
        let role = [
            "projects",
            &self.project_id,
            "branches",
            id,
            "roles",
            &self.role,
        ];
        let reset = role.into_iter().chain(["reset_password"]);
        let new_password: NewPassword = api.post(reset).fetch().await?;
        self.finish(api, &new_password.operations).await?;
        let host = new.endpoints.first().map(|endpoint| endpoint.host.as_str());
        let host = host.ok_or_else(|| ErrorKind::Protocol.because("the branch has no endpoint"))?;
        let url = format!(
            "postgresql://{}:{}@{host}/{}?sslmode=require",
            self.role,
            new_password.role.password.expose(),
            self.database
        );
        ProvisionedTool::new(id, [("DATABASE_URL", Secret::new(url))])
    }

    async fn delete(&self, api: Api<'_>, _label: &str, id: &str) -> ProviderResult<()> {
        let request = api.delete(["projects", &self.project_id, "branches", id]);
        request.execute().await.map(drop)
    }
}

impl Neon {
    async fn finish(&self, api: Api<'_>, operations: &[Operation]) -> ProviderResult<()> {
        let project = self.project_id.as_str();
        let is_finished = |operation: &Operation| {
            let id = operation.id.clone();
            async move {
                let path = ["projects", project, "operations", &id];
                let looked: Looked = api.get(path).fetch().await?;
                match looked.operation.status.as_str() {
                    "finished" | "skipped" => Ok(true),
                    word @ ("failed" | "error" | "cancelled") => {
                        Err(ErrorKind::Conflict.because(format!("operation {id} is {word}")))
                    }
                    _ => Ok(false),
                }
            }
        };
        let polling = Polling::new(self.poll_ms, self.poll_timeout_ms);
        let late = "the operation is still in progress";
        api.await_all(polling, late, operations, is_finished).await
    }
}
