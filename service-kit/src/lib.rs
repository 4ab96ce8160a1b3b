//! What both services share: configuration, auth, problems, metrics, tracing, shutdown, database
