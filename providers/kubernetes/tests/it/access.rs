//! Tests of permissions: missing ones are named, and the Role in the README is sufficient.

use agent_pool_core::{ErrorKind, Redeploy};
use serde_json::{Value, json};

use crate::support::{Lab, World};

/// The rules of the Role in the README, read as the YAML subset that it is written in.
fn readme_rules() -> Vec<Value> {
    let readme = include_str!("../../README.md");
    let (_, role) = readme
        .split_once("kind: Role\n")
        .expect("the README has a Role");
    let (role, _) = role.split_once("---").expect("followed by its binding");
    let list = |line: &str, member: &str| -> Option<Value> {
        let line = line.trim().trim_start_matches("- ");
        let items = line
            .strip_prefix(member)?
            .trim()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let items = items
            .split(',')
            .map(|item| item.trim().trim_matches('"').to_owned());
        Some(items.collect())
    };
    let mut rules: Vec<Value> = Vec::new();
    for line in role.lines() {
        if let Some(groups) = list(line, "apiGroups:") {
            rules.push(json!({ "apiGroups": groups }));
        }
        for member in ["resources", "verbs"] {
            if let (Some(items), Some(rule)) = (list(line, &format!("{member}:")), rules.last_mut())
            {
                rule[member] = items;
            }
        }
    }
    assert!(rules.len() >= 5, "{rules:?}");
    rules
}

/// Runs every operation of the provider.
async fn whole_life(world: &World) {
    world.infra.verify(&world.cx).await.unwrap();
    assert!(world.infra.list(&world.cx).await.unwrap().is_empty());
    let created = world.deployed(&[("A", "1")]).await;
    world.configure(&created, &[("B", "2")], Redeploy::No).await;
    world.update_image(&created, "agent:2").await;
    world.redeploy(&created).await.unwrap();
    world.lab.cluster.settle();
    assert!(world.listed(&created).await.is_some());
    assert!(!world.lines(&created).await.is_empty());
    world.destroy(&created).await.unwrap();
}

#[tokio::test]
async fn the_role_in_the_readme_is_enough() {
    for settings in [
        &[][..],
        &[
            ("URL_TEMPLATE", "https://{id}.example.com"),
            ("ROUTE", "ingress"),
            ("ALLOW_FROM", "namespace:ingress"),
        ],
        &[
            ("URL_TEMPLATE", "https://{id}.example.com"),
            ("ROUTE", "httproute"),
            ("ALLOW_FROM", "namespace:gw"),
            ("GATEWAY", "gw/main"),
        ],
    ] {
        let world = Lab::world(settings).await;
        world.lab.cluster.set_rules(Some(readme_rules()));
        whole_life(&world).await;
        assert_eq!(world.lab.cluster.faults(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn every_rule_of_it_is_needed_and_what_is_lacking_is_named() {
    let lab = Lab::world(&[]).await;
    for (group, resource, verb) in [
        ("apps", "statefulsets", "patch"),
        ("apps", "statefulsets", "create"),
        ("apps", "statefulsets", "list"),
        ("", "secrets", "patch"),
        ("", "pods", "list"),
        ("networking.k8s.io", "networkpolicies", "create"),
    ] {
        let mut rules = readme_rules();
        for rule in &mut rules {
            let has =
                |member: &str, item: &str| rule[member].as_array().unwrap().contains(&json!(item));
            if has("apiGroups", group) && has("resources", resource) {
                let verbs = rule["verbs"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|one| *one != verb);
                rule["verbs"] = verbs.cloned().collect();
            }
        }
        lab.lab.cluster.set_rules(Some(rules));
        let error = lab.infra.verify(&lab.cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        let named = if group.is_empty() {
            format!("{verb} {resource}")
        } else {
            format!("{verb} {resource}.{group}")
        };
        assert!(error.to_string().contains(&named), "{error}");
    }
}

#[tokio::test]
async fn a_call_that_is_forbidden_names_verb_and_resource() {
    let world = Lab::world(&[]).await;
    let created = world.create().await;
    world.lab.cluster.set_rules(Some(vec![
        json!({ "apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get"] }),
    ]));
    let error = world.destroy(&created).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error
            .to_string()
            .contains("\"delete\" on statefulsets.apps in namespace agents"),
        "{error}"
    );
    let error = world.infra.list(&world.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "no instance looks gone");
}
