//! One way to break each promise.

/// What a broken provider does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Creates without looking.
    MakesAnother,
    /// Creates again when the answer was lost.
    RepeatsBlindly,
    /// Lists only what was made completely.
    HidesTheHalfMade,
    /// Keeps in memory what is under way, and refuses it.
    RemembersWhatItBegan,
    /// Removes the first kind only.
    LeavesTheSecond,
    /// Takes what is gone for a failure.
    GoneIsAnError,
    /// Takes an id up to its first `?` or `#`.
    CutsIds,
    /// Takes a refused key for a resource that is gone.
    RefusedIsGone,
    /// Lists one page.
    ReadsOnePage,
    /// Takes every label that begins like ours.
    TakesTheNeighbours,
    /// Lists what was deleted.
    ListsTheGone,
    /// Tells a wrong key as another kind.
    KeyIsForbidden,
    /// Leaves out how long to wait.
    LosesTheWait,
    /// Tells an outage as a fault of ours.
    DownIsInvalid,
    /// Takes what it does not understand for nothing.
    NonsenseIsEmpty,
    /// Waits for ever.
    IgnoresTheDeadline,
    /// Shows the key in `Debug`.
    KeyInDebug,
    /// Shows the key in errors.
    KeyInErrors,
    /// Shows the key in traces.
    KeyInTraces,
    /// Is built without a key.
    NeedsNoKey,
    /// Tools: sets what it did not declare.
    AnotherVariable,
    /// Tools: has the secret the first time only.
    SecretOnce,
    /// Tools: shows the secret in the metadata.
    SecretInMetadata,
    /// Tools: keeps all that the vendor says.
    HugeMetadata,
    /// Declares what it does not have.
    DeclaresTooMuch,
    /// Has what it does not declare.
    DeclaresTooLittle,
    /// Infra: starts what it creates.
    StartsAtOnce,
    /// Infra: deploys for each variable.
    DeploysForEach,
    /// Infra: deploys when it was told not to.
    AlwaysDeploys,
    /// Infra: deploys again without the variables.
    Forgets,
    /// Infra: lists without status.
    NoStatus,
}

/// Cases of both suites with what each finds out.
macro_rules! of_both {
    ($($own:expr),+ $(,)?) => {
        &[
            ("made_twice", Flaw::MakesAnother),
            ("made_at_once", Flaw::MakesAnother),
            ("lost_answer", Flaw::RepeatsBlindly),
            ("half_made", Flaw::HidesTheHalfMade),
            ("cancelled", Flaw::RemembersWhatItBegan),
            ("destroyed", Flaw::LeavesTheSecond),
            ("destroyed_twice", Flaw::GoneIsAnError),
            ("unknown_destroyed", Flaw::GoneIsAnError),
            ("odd_ids", Flaw::CutsIds),
            ("refused_is_not_gone", Flaw::RefusedIsGone),
            ("three_pages", Flaw::ReadsOnePage),
            ("own_environment", Flaw::TakesTheNeighbours),
            ("gone_not_listed", Flaw::ListsTheGone),
            ("wrong_key", Flaw::KeyIsForbidden),
            ("rate_limited_seconds", Flaw::LosesTheWait),
            ("rate_limited_date", Flaw::LosesTheWait),
            ("unavailable", Flaw::DownIsInvalid),
            ("cut", Flaw::DownIsInvalid),
            ("not_json", Flaw::NonsenseIsEmpty),
            ("deadline", Flaw::IgnoresTheDeadline),
            ("no_secret_shown", Flaw::KeyInDebug),
            ("no_secret_shown", Flaw::KeyInErrors),
            ("no_secret_shown", Flaw::KeyInTraces),
            ("missing_settings", Flaw::NeedsNoKey),
            ("capabilities", Flaw::DeclaresTooMuch),
            ("capabilities", Flaw::DeclaresTooLittle),
            $($own),+
        ]
    };
}

pub(crate) const OF_TOOLS: &[(&str, Flaw)] = of_both![
    ("declared_variables", Flaw::AnotherVariable),
    ("secret_again", Flaw::SecretOnce),
    ("secrets_in_env_only", Flaw::SecretInMetadata),
    ("bounded_metadata", Flaw::HugeMetadata),
];

pub(crate) const OF_INFRA: &[(&str, Flaw)] = of_both![
    ("create_starts_nothing", Flaw::StartsAtOnce),
    ("deploys_once", Flaw::DeploysForEach),
    ("left_alone", Flaw::AlwaysDeploys),
    ("redeploy_keeps", Flaw::Forgets),
    ("list_tells_all", Flaw::NoStatus),
    ("destroyed_while_running", Flaw::LeavesTheSecond),
];
