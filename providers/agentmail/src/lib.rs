//! Provider for agentmail.
