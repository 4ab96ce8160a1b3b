use agent_pool_core::registry::ToolRegistration;

/// The registration of the tool `id`. Its crate must be linked: `use provider_acme as _;`.
#[must_use]
pub fn registration(id: &str) -> ToolRegistration {
    let mut linked = inventory::iter::<ToolRegistration>.into_iter();
    let found = linked.find(|one| one.id == id);
    *found.unwrap_or_else(|| panic!("no linked crate submits the tool {id}"))
}
