//! `POST /webhooks/:infra/:secret`: a vendor says that something changed.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::NoticeTaken;
use agent_pool_core::{InfraId, NoticeError, Secret};

use crate::app::App;

/// Wrong secrets and providers without webhooks get the same answer, so that nobody learns which there are.
pub(crate) async fn handle(
    infra: InfraId,
    secret: String,
    body: Vec<u8>,
    app: App,
) -> Result<NoticeTaken, Problem> {
    let unknown = || Problem::new(ProblemCode::UnknownRoute, "there is no such webhook");
    let providers = app.providers().registry();
    let provider = providers.infra(&infra).map_err(|_| unknown())?;
    let notice = provider.read_notice(&Secret::new(secret), &body);
    let notice = notice.map_err(|error| match error {
        NoticeError::Unsupported | NoticeError::Forged => unknown(),
        NoticeError::Malformed => Problem::new(ProblemCode::InvalidField, error.to_string()),
    })?;
    Ok(NoticeTaken {
        fresh: app.notices().take(&infra, &notice),
    })
}
