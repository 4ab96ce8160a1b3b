//! Railway's webhooks: <https://docs.railway.com/observability/webhooks> (November 2026). They are not signed, so
//! the URL contains a secret.

use agent_pool_core::{NoticeError, Secret, VendorNotice};
use serde::Deserialize;

/// The members of a webhook's body that are read.
#[derive(Debug, Deserialize)]
struct Body {
    /// Such as `Deployment.crashed`.
    r#type: String,
    resource: Resource,
    /// When it happened. Repeated deliveries have the same time.
    timestamp: String,
}

#[derive(Debug, Deserialize)]
struct Resource {
    deployment: Option<Deployment>,
}

#[derive(Debug, Deserialize)]
struct Deployment {
    id: String,
}

pub(crate) fn read(
    expected: Option<&Secret>,
    presented: &Secret,
    body: &[u8],
) -> Result<VendorNotice, NoticeError> {
    let expected = expected.ok_or(NoticeError::Unsupported)?;
    // In constant time.
    if expected != presented {
        return Err(NoticeError::Forged);
    }
    let body: Body = serde_json::from_slice(body).map_err(|_| NoticeError::Malformed)?;
    let deployment = body.resource.deployment.map(|deployment| deployment.id);
    let deployment = deployment.unwrap_or_default();
    Ok(VendorNotice::new(format!(
        "{} {deployment} {}",
        body.r#type, body.timestamp
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Railway's documentation, November 2026, without the members about its source.
    const EXAMPLE: &[u8] = br#"{
        "type": "Deployment.failed",
        "details": {"id": "8107edff-4b8e-44fc-b43a-04566e847a2a", "status": "SUCCESS"},
        "resource": {
            "project": {"id": "p", "name": "n"}, "environment": {"id": "e", "name": "n", "isEphemeral": false},
            "service": {"id": "s", "name": "n"}, "deployment": {"id": "8107edff"}},
        "severity": "WARNING", "timestamp": "2025-11-21T23:48:42.311Z"
    }"#;

    #[test]
    fn a_notice_with_the_secret_is_read_and_every_other_is_refused() {
        let secret = Secret::new("a-secret-of-16-characters");
        let notice = read(Some(&secret), &secret, EXAMPLE).unwrap();
        assert_eq!(
            notice.id,
            "Deployment.failed 8107edff 2025-11-21T23:48:42.311Z"
        );
        let wrong = Secret::new("a-secret-of-16-charactert");
        assert_eq!(
            read(Some(&secret), &wrong, EXAMPLE),
            Err(NoticeError::Forged)
        );
        assert_eq!(read(None, &secret, EXAMPLE), Err(NoticeError::Unsupported));
        assert_eq!(
            read(Some(&secret), &secret, b"{}"),
            Err(NoticeError::Malformed)
        );
    }
}
