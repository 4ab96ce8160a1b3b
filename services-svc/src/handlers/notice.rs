//! `POST /webhooks/:infra/:secret`: a vendor reports that something changed.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::NoticeTaken;
use agent_pool_core::{InfraId, NoticeError, Secret};
use metrics::counter;

use crate::app::App;
use crate::db::vendor_notices;
use crate::problem::database;

/// Wrong secrets and providers without webhooks get the same answer, so that a caller learns nothing about the
/// providers.
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
    let mut conn = app.db().conn().await.map_err(|error| database(&error))?;
    let fresh = vendor_notices::insert(&mut conn, &infra, &notice).await;
    let fresh = fresh.map_err(|error| database(&error))?;
    let outcome = if fresh { "fresh" } else { "repeated" };
    counter!("agent_pool_vendor_notices_total", "outcome" => outcome).increment(1);
    if fresh {
        app.notices().add(&infra);
    }
    Ok(NoticeTaken { fresh })
}
