use crate::InstanceId;

/// One operation of a provider, as the layers see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) name: &'static str,
    pub(super) instance: Option<&'a InstanceId>,
    pub(super) nature: Nature,
}

/// What it means to do an operation twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// It changes nothing.
    Read,
    /// It changes something, and done twice it leaves the same: by the provider's contract, which has it
    /// look up what an attempt before may have made.
    Repeatable,
    /// Done twice it does more: only what certainly did not happen is repeated.
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
