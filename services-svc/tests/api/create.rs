//! `POST /create-instance`.

use agent_pool_core::{Attempt, ErrorKind, Secret};
use serde_json::json;

use crate::support::{Service, State, When, id};

#[tokio::test]
async fn an_instance_is_made_with_its_tools_and_started_once_with_all_variables() {
    let service = Service::start().await;
    let id = id(1);
    let answer = service.create(&id, &["alpha", "beta", "alpha"]).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.ok();
    let runtime_key = body["runtimeKey"].as_str().unwrap();
    let expected = json!({
        "instanceId": id, "serviceId": format!("svc-ap-development-{id}"),
        "url": format!("{}/{id}", service.instances.url),
        "services": {
            "alpha": { "resourceId": format!("alpha-{id}@0") },
            "beta": { "resourceId": format!("beta-{id}@0") },
        },
        "runtimeKey": runtime_key, "madeFrom": body["madeFrom"],
    });
    assert_eq!(body, expected);

    let state = service.world.state();
    let made = state.services.values().next().unwrap();
    assert_eq!(made.deployments, 1);
    assert_eq!(made.handle.image.as_deref(), Some("runtime:1"));
    let beta = format!("hunter2-BETA_PROFILE-{id}");
    for (name, value) in [
        ("REGION", "north"),
        ("COLOUR", "red"),
        ("INSTANCE_ID", id.as_str()),
        ("POOL_API_KEY", runtime_key),
        ("BETA_PROFILE", beta.as_str()),
    ] {
        assert_eq!(
            made.variables.get(name),
            Some(&Secret::new(value)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn infra_and_tools_are_made_side_by_side() {
    let service = Service::start().await;
    let steps = ["cellar create", "alpha provision", "beta provision"];
    steps.iter().for_each(|step| service.world.hold(step));
    let id = id(1);
    let tools = ["alpha", "beta"];
    let all_begun = async {
        for step in steps {
            service.world.called(step, 1).await;
        }
        assert_eq!(service.world.count("cellar configure"), 0);
        steps.iter().for_each(|step| service.world.open(step));
    };
    let (answer, ()) = tokio::join!(service.create(&id, &tools), all_begun);
    answer.ok();
}

#[tokio::test]
async fn a_failure_at_any_step_is_undone_before_it_is_answered() {
    let service = Service::start().await;
    let steps = [
        "cellar create",
        "alpha provision",
        "beta provision",
        "cellar configure",
    ];
    for (number, step) in steps.iter().enumerate() {
        for (offset, when) in [(0, When::Before), (10, When::After)] {
            service.world.fail(step, ErrorKind::Unavailable, when);
            let answer = service
                .create(&id(number + offset), &["alpha", "beta"])
                .await;
            answer.is_problem(503, "vendor_unavailable");
            let failed = step.split(' ').next().unwrap();
            assert_eq!(answer.body["provider"], failed);
            let named = answer.detail().contains(step) || answer.detail().contains("for instance");
            assert!(
                named && answer.detail().contains("everything made for it is undone"),
                "{answer:?}"
            );
            assert!(
                service.world.is_empty(),
                "{step} {when:?}: {:?}",
                service.world.state()
            );
            assert_eq!(service.rows().await, (0, 0), "{step} {when:?}");
            service.world.heal();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_undone_stays_known_and_marked_for_a_destruction() {
    let service = Service::start().await;
    let id = id(1);
    service
        .world
        .fail("cellar create", ErrorKind::Forbidden, When::After);
    service
        .world
        .fail("cellar destroy", ErrorKind::Unavailable, When::Before);
    service
        .world
        .fail("beta destroy", ErrorKind::RateLimited, When::Before);
    let answer = service.create(&id, &["alpha", "beta"]).await;
    answer.is_problem(502, "vendor_refused");
    assert!(
        answer
            .detail()
            .contains("DELETE /destroy removes what could not be undone (beta, cellar)"),
        "{answer:?}"
    );
    let marked = "SELECT count(*) FROM instance_infra WHERE destroying_at IS NOT NULL";
    assert_eq!(service.number(marked).await, 1);
    service
        .create(&id, &["alpha"])
        .await
        .is_problem(409, "instance_destroying");

    service.world.heal();
    service.delete(&format!("/destroy/{id}")).await.ok();
    assert!(service.world.is_empty());
    assert_eq!(service.rows().await, (0, 0));
}

#[tokio::test]
async fn a_repeated_creation_answers_the_same_and_asks_no_vendor() {
    let service = Service::start().await;
    let first = service.create(&id(1), &["alpha"]).await.ok();
    let calls = service.world.state().calls.len();
    assert_eq!(service.create(&id(1), &["alpha"]).await.ok(), first);
    assert_eq!(service.world.state().calls.len(), calls);
    let other = service.create(&id(1), &["alpha", "beta"]).await;
    other.is_problem(409, "other_tools");
}

#[tokio::test]
async fn a_creation_that_a_crash_cut_off_goes_on_where_it_was() {
    let service = Service::start().await;
    let first = service.create(&id(1), &["alpha", "beta"]).await.ok();
    // The state after a crash: one tool's answer and the deployment were not recorded.
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    let lost =
        "UPDATE instance_services SET made_at = NULL, env_value = NULL WHERE tool_id = 'beta'";
    service.execute(lost).await;

    assert_eq!(service.create(&id(1), &["alpha", "beta"]).await.ok(), first);
    assert_eq!(
        service.world.count("alpha provision"),
        1,
        "its secret is still known"
    );
    assert_eq!(service.world.count("beta provision"), 2);
    let done = "SELECT count(*) FROM instance_services WHERE made_at IS NOT NULL";
    assert_eq!(service.number(done).await, 2);
}

#[tokio::test]
async fn rows_are_written_before_vendors_are_asked() {
    let service = Service::start().await;
    service.world.hold("alpha provision");
    service.world.hold("cellar create");
    let looked = async {
        service.world.called("alpha provision", 1).await;
        assert_eq!(service.rows().await, (1, 1));
        service.world.open("alpha provision");
        service.world.open("cellar create");
    };
    let (answer, ()) = tokio::join!(service.create("instance0001", &["alpha"]), looked);
    answer.ok();
}

#[tokio::test]
async fn nothing_is_made_where_a_tool_cannot_be_had() {
    let service = Service::start().await;
    let unknown = service.create(&id(1), &["alpha", "nosuch"]).await;
    unknown.is_problem(400, "unknown_tool");
    assert_eq!(unknown.body["field"], "tools[1]");
    assert!(
        unknown
            .detail()
            .contains("this build has alpha, beta, gamma"),
        "{unknown:?}"
    );

    let unconfigured = service.create(&id(1), &["gamma"]).await;
    unconfigured.is_problem(422, "provider_unconfigured");
    assert!(
        unconfigured.detail().contains("GAMMA_TOKEN is required"),
        "{unconfigured:?}"
    );
    assert!(service.world.state().calls.is_empty());
    assert_eq!(service.rows().await, (0, 0));
}

#[tokio::test]
async fn nothing_is_made_where_the_infra_is_not_configured() {
    let service = Service::with(&[("INFRA_PROVIDER", "attic")]).await;
    let answer = service.create(&id(1), &["alpha"]).await;
    answer.is_problem(422, "provider_unconfigured");
    assert!(answer.detail().contains("ATTIC_TOKEN"), "{answer:?}");
    assert!(service.world.state().calls.is_empty());
}

#[tokio::test]
async fn a_vendor_that_hangs_is_cut_and_what_it_made_is_undone() {
    let service = Service::with(&[("PROVIDER_TIMEOUT_MS", "100")]).await;
    service.world.hold("alpha provision");
    let answer = service.create(&id(1), &["alpha"]).await;
    answer.is_problem(503, "vendor_unavailable");
    assert!(answer.detail().contains("alpha provision"), "{answer:?}");
    assert!(service.world.is_empty());
}

#[tokio::test]
async fn a_tool_that_breaks_the_promises_of_its_answer_is_refused_by_name_and_undone() {
    type Breach = fn(&mut State);
    let breaches: [(Breach, &str); 4] = [
        (
            |state| state.metadata_bytes = 10 << 20,
            // With the 61 bytes of the other entries.
            "metadata of 10485821 bytes: at most 16384 are kept",
        ),
        (|state| state.undeclared = Some("PATH"), "sets PATH"),
        (
            |state| state.secret_end = "\0",
            "sets ALPHA_KEY to a text with a NUL",
        ),
        (|state| state.metadata_text = "\0", "metadata with a NUL"),
    ];
    for (breach, message) in breaches {
        let service = Service::start().await;
        breach(&mut service.world.state());
        let local = service.post("/provision-local", json!({ "tools": ["alpha"] }));
        for answer in [service.create(&id(1), &["alpha"]).await, local.await] {
            let detail = answer.is_problem(500, "provider_defect").detail();
            assert!(detail.contains("alpha provision for instance"), "{detail}");
            assert!(detail.contains(message), "{detail}");
        }
        assert!(service.world.is_empty());
        assert_eq!(service.rows().await, (0, 0));
    }
}

#[tokio::test]
async fn an_infra_whose_answer_cannot_be_kept_is_named_and_undone() {
    let service = Service::start().await;
    service.world.state().shelf_end = "\0";
    let answer = service.create(&id(1), &["alpha"]).await;
    let detail = answer.is_problem(500, "provider_defect").detail();
    assert!(detail.contains("cellar create for instance"), "{detail}");
    assert!(detail.contains("data has a NUL"), "{detail}");
    assert!(service.world.is_empty());
}

#[tokio::test]
async fn a_secret_that_begins_like_a_sealed_one_is_kept_and_read() {
    let service = Service::start().await;
    service.world.state().secret_start = "xc1.";
    let first = service.create(&id(1), &["alpha"]).await.ok();
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    assert_eq!(service.create(&id(1), &["alpha"]).await.ok(), first);
    let expected = Secret::new(format!("xc1.hunter2-ALPHA_KEY-{}", id(1)));
    let state = service.world.state();
    let variables = &state.services.values().next().unwrap().variables;
    assert_eq!(variables.get("ALPHA_KEY"), Some(&expected));
    assert_eq!(
        state
            .calls
            .iter()
            .filter(|call| *call == "alpha provision")
            .count(),
        1,
        "read from its row"
    );
}

#[tokio::test]
async fn providers_look_for_what_is_there_only_where_something_may_be() {
    let service = Service::start().await;
    let attempts = || std::mem::take(&mut service.world.state().attempts);
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    assert_eq!(attempts(), [Attempt::First; 3]);
    let grant = json!({ "tools": ["alpha"] });
    service.post("/provision-local", grant).await.ok();
    assert_eq!(attempts(), [Attempt::First]);
    // The state after a crash between the effects and their record.
    for table in ["instance_infra", "instance_services"] {
        service
            .execute(&format!("UPDATE {table} SET made_at = NULL"))
            .await;
    }
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    assert_eq!(attempts(), [Attempt::Later; 3]);
    let path = format!("/provision/{}/alpha", id(1));
    service
        .delete(&format!("/destroy/{}/alpha/alpha-{}@0", id(1), id(1)))
        .await
        .ok();
    service.post(&path, json!({})).await.ok();
    assert_eq!(attempts(), [Attempt::Later], "it had one before");
}
