//! The outcome of a case.

/// Why a case ended early.
#[derive(Debug)]
pub(super) enum Verdict {
    Broken(String),
    NotApplicable(String),
}

pub(super) type Tried = Result<(), Verdict>;

/// Ends a case as broken unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($how:tt)+) => {
        if !$holds {
            return Err($crate::conformance::verdict::Verdict::Broken(format!($($how)+)));
        }
    };
}
pub(super) use ensure;
