//! The document of `GET /instances/:instanceId`: the details of an instance for people.

use agent_pool_core::wire::services::{
    Document, DocumentSection, InstanceDetails, InstancePhase, InstanceToolDetails, MadeFrom,
    NamedValues, ToolStatus,
};
use agent_pool_core::{EnvName, ToolId};

/// The details as a section for the infrastructure and one for each tool.
pub(super) fn document(details: &InstanceDetails) -> Document {
    let tools = details.tools.iter().map(tool);
    Document {
        sections: std::iter::once(infrastructure(details))
            .chain(tools)
            .chain(details.made_from.as_ref().map(recipe))
            .collect(),
    }
}

fn infrastructure(details: &InstanceDetails) -> DocumentSection {
    let infra = &details.infra;
    let phase = match infra.phase {
        InstancePhase::Creating => "being created",
        InstancePhase::Made => "created",
        InstancePhase::Destroying => "being destroyed",
    };
    let busy = details.busy.then_some("in progress");
    let section = DocumentSection::new("Infrastructure")
        .row("Provider", &infra.provider)
        .row("State", phase)
        .optional("Operation", busy)
        .optional("Service", infra.service_id.as_ref())
        .optional("Deployment", infra.deploy_status.as_ref())
        .optional("Why", infra.deploy_detail.as_ref())
        .optional("Image", infra.image.as_ref())
        .optional("Image digest", infra.image_digest.as_ref());
    let section = match &infra.url {
        Some(url) => section.link("URL", url),
        None => section,
    };
    section.row("Created", time(infra.created_at))
}

fn recipe(made: &MadeFrom) -> DocumentSection {
    let listed = |names: &NamedValues| {
        let names: Vec<&str> = names.names.iter().map(EnvName::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let tools: Vec<&str> = made.tools.iter().map(ToolId::as_str).collect();
    DocumentSection::new("Made from")
        .row("Recipe", &made.hash)
        .optional("Image", made.image.as_ref())
        .optional("Image digest", made.digest.as_ref())
        .row("Tools", tools.join(", "))
        .optional("Variables", listed(&made.variables))
        .optional("Infra settings", listed(&made.settings))
        .members(&made.infra_options)
}

fn tool(tool: &InstanceToolDetails) -> DocumentSection {
    let state = match (tool.status, &tool.resource_id) {
        (ToolStatus::Destroyed, _) => "destroyed",
        (ToolStatus::Active, Some(_)) => "active",
        (ToolStatus::Active, None) => "being created",
    };
    let mut section = DocumentSection::new(tool.tool_id.as_str())
        .row("State", state)
        .optional("Resource", tool.resource_id.as_ref())
        .members(&tool.metadata);
    for (measure, amount) in tool.usage.iter().flat_map(|usage| &usage.0) {
        section = section.row(format!("Usage ({measure})"), in_short(*amount));
    }
    section.row("Created", time(tool.created_at))
}

fn time(at: chrono::DateTime<chrono::Utc>) -> impl ToString {
    at.format("%Y-%m-%d %H:%M UTC")
}

/// At most four decimal places, without trailing zeros.
fn in_short(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_no_more_decimal_places_than_needed() {
        for (number, text) in [
            (0.0, "0"),
            (12.0, "12"),
            (100.0, "100"),
            (0.123_456, "0.1235"),
        ] {
            assert_eq!(in_short(number), text);
        }
    }
}
