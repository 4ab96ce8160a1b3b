//! A small runtime that an instance runs
