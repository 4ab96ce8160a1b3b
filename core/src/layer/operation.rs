use crate::InstanceId;

/// One operation of a provider, as the layers see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) name: &'static str,
    pub(super) instance: Option<&'a InstanceId>,
    pub(super) nature: Nature,
}

/// Whether an operation may be done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// It changes nothing.
    Read,
    /// It changes something and is idempotent: by its contract, the provider looks up what an earlier attempt may
    /// have made.
    Repeatable,
    /// It is not idempotent: it is repeated only if it certainly did not happen.
    Once,
}

impl<'a> Operation<'a> {
    pub(super) const fn read(name: &'static str) -> Self {
        Self::new(name, None, Nature::Read)
    }

    pub(super) const fn new(
        name: &'static str,
        instance: Option<&'a InstanceId>,
        nature: Nature,
    ) -> Self {
        Self {
            name,
            instance,
            nature,
        }
    }
}
