//! One way to break each promise.

/// The flaw of a broken provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Creates without a lookup.
    MakesAnother,
    /// Creates again when the answer was lost.
    RepeatsBlindly,
    /// Lists only resources that were created completely.
    HidesTheHalfMade,
    /// Keeps operations in progress in memory, and refuses to repeat them.
    RemembersWhatItBegan,
    /// Removes the first kind only.
    LeavesTheSecond,
    /// Reports an absent resource as an error.
    AbsentIsAnError,
    /// Reports an unknown resource as an error.
    UnknownIsAnError,
    /// Cuts an id at its first `?` or `#`.
    CutsIds,
    /// Treats a refused key as an absent resource.
    RefusedIsGone,
    /// Removes the resource first by which the others are found.
    RemovesRootFirst,
    /// Treats a lost answer to a removal as a success.
    LostIsDone,
    /// Keeps removals in progress in memory, and refuses to repeat them.
    RemembersWhatItRemoves,
    /// Lists one page too few.
    LosesTheLastPage,
    /// Accepts every label with our prefix.
    TakesTheNeighbours,
    /// Lists deleted resources.
    ListsTheGone,
    /// Reports a wrong key as another kind of error.
    KeyIsForbidden,
    /// Omits a wait that is given in seconds.
    LosesTheSeconds,
    /// Omits a wait that is given as a date.
    LosesTheDate,
    /// Reports an outage as an invalid request.
    DownIsInvalid,
    /// Reports a lost connection as an invalid request.
    CutIsInvalid,
    /// Reads an answer that it does not understand as empty.
    NonsenseIsEmpty,
    /// Waits forever.
    IgnoresTheDeadline,
    /// Shows the key in `Debug`.
    KeyInDebug,
    /// Shows the key in errors.
    KeyInErrors,
    /// Shows the key in traces.
    KeyInTraces,
    /// Is built without a key.
    NeedsNoKey,
    /// Tools: sets a variable that it did not declare.
    AnotherVariable,
    /// Tools: returns the secret only the first time.
    SecretOnce,
    /// Tools: returns a tool that the instance cannot use yet.
    NotReady,
    /// Tools: returns the account's own key.
    ParentsKey,
    /// Tools: shows the secret in the metadata.
    SecretInMetadata,
    /// Tools: keeps the vendor's whole answer.
    HugeMetadata,
    /// Declares an operation that it does not have.
    DeclaresTooMuch,
    /// Has an operation that it does not declare.
    DeclaresTooLittle,
    /// Tools: panics in an optional operation.
    PanicsInUsage,
    /// Infra: accepts any option.
    AcceptsAnyOption,
    /// Infra: ignores the options in deployments.
    IgnoresOptions,
    /// Infra: deploys again with the options of the first deployment.
    KeepsTheOptions,
    /// Infra: starts an instance when it is created.
    StartsAtOnce,
    /// Infra: deploys once for each variable.
    DeploysForEach,
    /// Infra: deploys a running instance in spite of `Redeploy::No`.
    RestartsWhatRuns,
    /// Infra: replaces references in values.
    EvaluatesValues,
    /// Infra: deploys again without the variables.
    Forgets,
    /// Infra: of a deployed instance, removes only the first kind.
    LeavesWhatRan,
    /// Infra: lists without status.
    NoStatus,
    /// Infra: gives every instance the same address.
    OneAddress,
    /// Infra: gives an instance another address when it is created again.
    AddressChanges,
    /// Infra: deploys with an empty data folder.
    LosesData,
    /// Infra: does not change the image.
    KeepsTheImage,
    /// Infra: deploys the first image again.
    ForgetsTheImage,
    /// Infra: deploys another image without the variables.
    ImageWithoutVariables,
    /// Infra: reports an ended program as running.
    EndedIsRunning,
    /// Infra: returns no line of the output.
    SilentLogs,
}

/// Every case of both suites with the flaw that breaks it. A flaw breaks these cases and no other.
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
            ("destroyed_twice", Flaw::AbsentIsAnError),
            ("lost_removal", Flaw::AbsentIsAnError),
            ("removal_cancelled", Flaw::AbsentIsAnError),
            ("unknown_destroyed", Flaw::UnknownIsAnError),
            ("odd_ids", Flaw::CutsIds),
            ("refused_is_not_gone", Flaw::RefusedIsGone),
            ("wrong_key", Flaw::RefusedIsGone),
            ("lost_removal", Flaw::RemovesRootFirst),
            ("removal_cancelled", Flaw::RemovesRootFirst),
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
    ("options_checked", Flaw::AcceptsAnyOption),
    ("options_apply", Flaw::IgnoresOptions),
    ("options_apply", Flaw::KeepsTheOptions),
    ("options_apply", Flaw::NoStatus),
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
    ("ended_is_dead", Flaw::EndedIsRunning),
    ("written_lines", Flaw::SilentLogs),
    ("destroyed_while_running", Flaw::LeavesWhatRan),
    ("destroyed_while_running", Flaw::LeavesTheSecond),
];
