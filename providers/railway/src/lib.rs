//! Provider for railway.
