//! Webhooks of vendors: notices that something about an instance changed.

/// The content of a vendor's webhook. It is a hint to check the state, never a reason to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorNotice {
    /// The same for every delivery of one notice.
    pub id: String,
}

impl VendorNotice {
    /// A notice with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

/// Why a webhook was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The provider accepts no webhooks, or its setting for them is missing.
    #[error("this provider accepts no webhooks")]
    Unsupported,
    /// The secret is wrong.
    #[error("the webhook does not come from the vendor")]
    Forged,
    /// The body is not what the vendor documents.
    #[error("the body is not a notice of the vendor")]
    Malformed,
}
