//! Keeps instances warm and hands them out
