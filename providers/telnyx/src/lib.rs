//! Provider for telnyx.
