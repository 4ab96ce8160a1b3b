//! Checks the operations and patches against Railway's own schemas.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::{Selection, SelectionSet};

use crate::operations;
use crate::patch::tests::{EVERYTHING, patch};

#[path = "../tests/wire/schemas.rs"]
mod schemas;

/// The deprecated fields and arguments that a selection uses.
fn deprecated(document: &ExecutableDocument, set: &SelectionSet) -> Vec<String> {
    let mut found = Vec::new();
    for selection in &set.selections {
        let inner = match selection {
            Selection::Field(field) => {
                let mut uses = vec![field.definition.directives.has("deprecated")];
                let arguments = field.arguments.iter();
                let defined =
                    arguments.filter_map(|used| field.definition.argument_by_name(&used.name));
                uses.extend(defined.map(|argument| argument.directives.has("deprecated")));
                if uses.contains(&true) {
                    found.push(format!("{}.{}", set.ty, field.name));
                }
                &field.selection_set
            }
            Selection::FragmentSpread(spread) => {
                &document.fragments[&spread.fragment_name].selection_set
            }
            Selection::InlineFragment(fragment) => &fragment.selection_set,
        };
        found.extend(deprecated(document, inner));
    }
    found
}

#[test]
fn every_operation_fits_the_vendors_schema() {
    let Some(schema) = schemas::graphql() else {
        return;
    };
    for operation in operations::ALL {
        ExecutableDocument::parse_and_validate(&schema, operation.text, operation.name)
            .unwrap_or_else(|error| panic!("{}: {error}", operation.name));
    }
}

#[test]
fn every_operation_is_named_after_its_one_root_field() {
    let Some(schema) = schemas::graphql() else {
        return;
    };
    for operation in operations::ALL {
        let document =
            ExecutableDocument::parse_and_validate(&schema, operation.text, operation.name)
                .unwrap();
        let found = document.operations.get(Some(operation.name)).unwrap();
        let roots: Vec<_> = found
            .root_fields(&document)
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(roots, [operation.name]);
    }
}

#[test]
fn no_operation_uses_what_is_deprecated() {
    let Some(schema) = schemas::graphql() else {
        return;
    };
    for operation in operations::ALL {
        let document =
            ExecutableDocument::parse_and_validate(&schema, operation.text, operation.name)
                .unwrap();
        for found in document.operations.iter() {
            let uses = deprecated(&document, &found.selection_set);
            assert!(uses.is_empty(), "{} uses {uses:?}", operation.name);
        }
    }
}

/// The check above must be able to fail.
#[test]
fn a_deprecated_field_is_found_in_a_fragment_too() {
    let Some(schema) = schemas::graphql() else {
        return;
    };
    let text = "query q { project(id: \"p\") { ...p } } fragment p on Project { teamId }";
    let document = ExecutableDocument::parse_and_validate(&schema, text, "q").unwrap();
    let found = document.operations.get(Some("q")).unwrap();
    assert_eq!(
        deprecated(&document, &found.selection_set),
        ["Project.teamId"]
    );
}

#[test]
fn every_patch_fits_the_schema_of_environment_configs() {
    schemas::assert_patches(&[patch([]), patch(EVERYTHING)]);
}
