//! Provider for openrouter.
