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
    /// Takes what never was for a failure.
    UnknownIsAnError,
    /// Takes an id up to its first `?` or `#`.
    CutsIds,
    /// Takes a refused key for a resource that is gone.
    RefusedIsGone,
    /// Removes first what the rest is found by.
    TheFirstGoesFirst,
    /// Takes a lost answer to a removal for a success.
    LostIsDone,
    /// Keeps in memory what it is removing, and refuses it.
    RemembersWhatItRemoves,
    /// Lists one page too few.
    LosesTheLastPage,
    /// Takes every label that begins like ours.
    TakesTheNeighbours,
    /// Lists what was deleted.
    ListsTheGone,
    /// Tells a wrong key as another kind.
    KeyIsForbidden,
    /// Leaves out for how many seconds to wait.
    LosesTheSeconds,
    /// Leaves out until when to wait.
    LosesTheDate,
    /// Tells an outage as a fault of ours.
    DownIsInvalid,
    /// Tells a lost connection as a fault of ours.
    CutIsInvalid,
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
    /// Tools: gives what the instance cannot use yet.
    NotReady,
    /// Tools: gives the account's own key.
    ParentsKey,
    /// Tools: shows the secret in the metadata.
    SecretInMetadata,
    /// Tools: keeps all that the vendor says.
    HugeMetadata,
    /// Declares what it does not have.
    DeclaresTooMuch,
    /// Has what it does not declare.
    DeclaresTooLittle,
    /// Tools: panics in an optional operation.
    PanicsInUsage,
    /// Infra: starts what it creates.
    StartsAtOnce,
    /// Infra: deploys for each variable.
    DeploysForEach,
    /// Infra: deploys what runs when it was told not to.
    RestartsWhatRuns,
    /// Infra: replaces references in values.
    EvaluatesValues,
    /// Infra: deploys again without the variables.
    Forgets,
    /// Infra: removes the first kind only of what was deployed.
    LeavesWhatRan,
    /// Infra: lists without status.
    NoStatus,
    /// Infra: gives every instance the same address.
    OneAddress,
    /// Infra: gives an instance another address when it is asked again.
    AddressChanges,
    /// Infra: deploys with an empty data folder.
    LosesData,
    /// Infra: does nothing when asked for another image.
    KeepsTheImage,
    /// Infra: deploys the first image again.
    ForgetsTheImage,
    /// Infra: deploys another image without the variables.
    ImageWithoutVariables,
    /// Infra: takes what ended for running.
    SeesNoEnd,
    /// Infra: has no line of what was written.
    SilentLogs,
}

/// Every case of both suites with what breaks it. A flaw breaks these cases and no other.
macro_rules! of_both {
    ($($own:expr),+ $(,)?) => {
        &[
            ("made_twice", Flaw::MakesAnother),
            ("made_at_once", Flaw::MakesAnother),
            ("lost_answer", Flaw::MakesAnother),
            ("cancelled", Flaw::MakesAnother),
            ("lost_answer", Flaw::RepeatsBlindly),
            ("half_made", Flaw::HidesTheHalfMade),
            ("lost_removal", Flaw::HidesTheHalfMade),
            ("cancelled", Flaw::RemembersWhatItBegan),
            ("destroyed", Flaw::LeavesTheSecond),
            ("cancelled", Flaw::LeavesTheSecond),
            ("half_made", Flaw::LeavesTheSecond),
            ("lost_removal", Flaw::LeavesTheSecond),
            ("removal_cancelled", Flaw::LeavesTheSecond),
            ("destroyed_twice", Flaw::GoneIsAnError),
            ("lost_removal", Flaw::GoneIsAnError),
            ("removal_cancelled", Flaw::GoneIsAnError),
            ("unknown_destroyed", Flaw::UnknownIsAnError),
            ("odd_ids", Flaw::CutsIds),
            ("refused_is_not_gone", Flaw::RefusedIsGone),
            ("wrong_key", Flaw::RefusedIsGone),
            ("lost_removal", Flaw::TheFirstGoesFirst),
            ("removal_cancelled", Flaw::TheFirstGoesFirst),
            ("lost_removal", Flaw::LostIsDone),
            ("removal_cancelled", Flaw::RemembersWhatItRemoves),
            ("three_pages", Flaw::LosesTheLastPage),
            ("own_environment", Flaw::TakesTheNeighbours),
            ("gone_not_listed", Flaw::ListsTheGone),
            ("wrong_key", Flaw::KeyIsForbidden),
            ("rate_limited_seconds", Flaw::LosesTheSeconds),
            ("rate_limited_date", Flaw::LosesTheDate),
            ("unavailable", Flaw::DownIsInvalid),
            ("cut", Flaw::CutIsInvalid),
            ("not_json", Flaw::NonsenseIsEmpty),
            ("deadline", Flaw::IgnoresTheDeadline),
            ("no_secret_shown", Flaw::KeyInDebug),
            ("no_secret_shown", Flaw::KeyInErrors),
            ("no_secret_shown", Flaw::KeyInTraces),
            ("missing_settings", Flaw::NeedsNoKey),
            ("capabilities", Flaw::DeclaresTooMuch),
            ("no_secret_shown", Flaw::DeclaresTooMuch),
            ("capabilities", Flaw::DeclaresTooLittle),
            $($own),+
        ]
    };
}

pub(crate) const OF_TOOLS: &[(&str, Flaw)] = of_both![
    ("declared_variables", Flaw::AnotherVariable),
    ("secret_again", Flaw::SecretOnce),
    ("usable", Flaw::SecretOnce),
    ("usable", Flaw::NotReady),
    ("usable", Flaw::ParentsKey),
    ("secrets_in_env_only", Flaw::SecretInMetadata),
    ("no_secret_shown", Flaw::SecretInMetadata),
    ("bounded_metadata", Flaw::HugeMetadata),
];

pub(crate) const OF_INFRA: &[(&str, Flaw)] = of_both![
    ("create_starts_nothing", Flaw::StartsAtOnce),
    ("deploys_once", Flaw::StartsAtOnce),
    ("left_alone", Flaw::StartsAtOnce),
    ("redeploy_keeps", Flaw::StartsAtOnce),
    ("deploys_once", Flaw::DeploysForEach),
    ("redeploy_keeps", Flaw::DeploysForEach),
    ("left_alone", Flaw::RestartsWhatRuns),
    ("redeploy_keeps", Flaw::Forgets),
    ("values_arrive", Flaw::EvaluatesValues),
    ("values_arrive", Flaw::StartsAtOnce),
    ("values_arrive", Flaw::DeploysForEach),
    ("list_tells_all", Flaw::NoStatus),
    ("addresses_differ", Flaw::NoStatus),
    ("data_survives", Flaw::NoStatus),
    ("image_changes", Flaw::NoStatus),
    ("ended_is_dead", Flaw::NoStatus),
    ("written_lines", Flaw::NoStatus),
    ("written_lines", Flaw::DeclaresTooMuch),
    ("addresses_differ", Flaw::OneAddress),
    ("addresses_differ", Flaw::AddressChanges),
    ("data_survives", Flaw::LosesData),
    ("image_changes", Flaw::KeepsTheImage),
    ("image_changes", Flaw::ForgetsTheImage),
    ("image_changes", Flaw::ImageWithoutVariables),
    ("ended_is_dead", Flaw::SeesNoEnd),
    ("written_lines", Flaw::SilentLogs),
    ("destroyed_while_running", Flaw::LeavesWhatRan),
    ("destroyed_while_running", Flaw::LeavesTheSecond),
];
