//! Tests of every function, on a real Postgres.

use std::time::Duration;

use agent_pool_service_kit::testing::fresh_database;
use diesel_async::SimpleAsyncConnection;
use diesel_async::pooled_connection::deadpool::Object;

use super::*;
use crate::db::{MIGRATIONS, instance_leases};

async fn conn() -> Object<AsyncPgConnection> {
    let database = fresh_database(MIGRATIONS, "services").await;
    database.db().conn().await.unwrap()
}

fn new<'a>(infra: &'a InfraId, label: &'a str) -> NewInstance<'a> {
    NewInstance {
        infra,
        label,
        runtime_key: "sealed",
    }
}

/// A new instance whose row is written, and its lease.
async fn leased(conn: &mut AsyncPgConnection) -> (InstanceId, Fence) {
    let id = InstanceId::generate();
    let fence = Fence::new(&id);
    let lease = Duration::from_mins(1);
    assert!(instance_leases::take(conn, &fence, lease).await.unwrap());
    let label = format!("label-{id}");
    let written = insert_intent(conn, &fence, new(&"acme".parse().unwrap(), &label)).await;
    assert_eq!(written.unwrap(), Written::Yes);
    (id, fence)
}

async fn intended(conn: &mut AsyncPgConnection) -> InstanceId {
    leased(conn).await.0
}

fn made(id: &InstanceId) -> CreatedInfra {
    CreatedInfra {
        handle: InfraHandle {
            image: Some("image:1".to_owned()),
            data: json!({
                "environmentId": "env",
                "projectId": "project",
                "volumeId": "volume",
                "more": [1, null],
            }),
            ..InfraHandle::new(id.clone(), format!("svc-{id}").parse().unwrap())
        },
        url: "https://a.example/".parse().unwrap(),
    }
}

fn recipe() -> MadeFrom {
    let values = json!({ "names": [], "fingerprint": "" });
    let made = json!({
        "hash": "00c0ffee00c0ffee", "infra": "acme", "image": "image:1", "tools": [], "variables": values, "settings": values,
    });
    serde_json::from_value(made).unwrap()
}

#[tokio::test]
async fn a_row_goes_from_intended_to_made_to_started_to_destroying() {
    let mut conn = conn().await;
    let (id, fence) = &leased(&mut conn).await;
    let row = find(&mut conn, id).await.unwrap().unwrap();
    assert_eq!(
        (row.made, row.started, row.destroying),
        (None, false, false)
    );

    let created = made(id);
    let written = record_made(&mut conn, fence, &created).await.unwrap();
    let started = record_started(&mut conn, fence, &recipe()).await.unwrap();
    assert_eq!((written, started), (Written::Yes, Written::Yes));
    let again = insert_intent(
        &mut conn,
        fence,
        NewInstance {
            runtime_key: "another",
            ..new(&"other".parse().unwrap(), "other")
        },
    )
    .await;
    assert_eq!(again.unwrap(), Written::Yes);
    let row = find(&mut conn, id).await.unwrap().unwrap();
    assert_eq!((row.infra.as_str(), row.started), ("acme", true));
    assert_eq!(
        row.runtime_key.as_deref(),
        Some("sealed"),
        "it keeps its key"
    );
    assert_eq!(
        (row.made, row.url),
        (Some(created.handle), Some(created.url))
    );

    for marked in [Written::Yes, Written::NoRow] {
        assert_eq!(mark_destroying(&mut conn, fence).await.unwrap(), marked);
        assert!(find(&mut conn, id).await.unwrap().unwrap().destroying);
    }
    let deleted = delete(&mut conn, fence).await.unwrap();
    assert_eq!(deleted, Written::Yes);
    assert_eq!(find(&mut conn, id).await.unwrap(), None);
    let written = record_made(&mut conn, fence, &made(id)).await.unwrap();
    let started = record_started(&mut conn, fence, &recipe()).await.unwrap();
    assert_eq!((written, started), (Written::NoRow, Written::NoRow));
}

#[tokio::test]
async fn a_write_after_a_lost_lease_is_refused() {
    let mut conn = conn().await;
    let (id, fence) = &leased(&mut conn).await;
    let before = find(&mut conn, id).await.unwrap();
    instance_leases::release(&mut conn, fence).await.unwrap();
    let other = Fence::new(id);
    let lease = Duration::from_mins(1);
    assert!(
        instance_leases::take(&mut conn, &other, lease)
            .await
            .unwrap()
    );
    let infra = "acme".parse().unwrap();
    for written in [
        insert_intent(&mut conn, fence, new(&infra, "label")).await,
        insert_new(&mut conn, fence, new(&infra, "label"), 9).await,
        record_made(&mut conn, fence, &made(id)).await,
        record_started(&mut conn, fence, &recipe()).await,
        mark_destroying(&mut conn, fence).await,
        delete(&mut conn, fence).await,
    ] {
        assert_eq!(written.unwrap(), Written::NoRow);
    }
    assert_eq!(find(&mut conn, id).await.unwrap(), before);
}

#[tokio::test]
async fn a_lease_is_not_taken_in_the_middle_of_a_write() {
    let db = fresh_database(MIGRATIONS, "services").await.db();
    let (mut writes, mut takes) = (db.conn().await.unwrap(), db.conn().await.unwrap());
    let (id, fence) = leased(&mut writes).await;
    let run = async |conn: &mut AsyncPgConnection, sql: &str| {
        diesel::sql_query(sql).execute(conn).await.unwrap();
    };
    run(
        &mut writes,
        "UPDATE instance_leases SET leased_until = now() - interval '1 s'",
    )
    .await;
    run(&mut writes, "BEGIN").await;
    let written = record_made(&mut writes, &fence, &made(&id)).await.unwrap();
    assert_eq!(written, Written::Yes);
    run(&mut takes, "SET lock_timeout = '50 ms'").await;
    let other = Fence::new(&id);
    let lease = Duration::from_mins(1);
    assert!(
        instance_leases::take(&mut takes, &other, lease)
            .await
            .is_err()
    );
    run(&mut writes, "COMMIT").await;
    assert!(
        instance_leases::take(&mut takes, &other, lease)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn what_is_seen_of_many_is_written_at_once_and_of_them_alone() {
    let mut conn = conn().await;
    let (one, two) = (intended(&mut conn).await, intended(&mut conn).await);
    let seen = Observation {
        instance: one.clone(),
        deploy_status: Some(DeployStatus::Crashed),
        deploy_detail: Some("out of memory".to_owned()),
        url: Some("https://b.example/".parse().unwrap()),
        image: None,
        image_digest: None,
    };
    record_observations(&mut conn, &[seen]).await.unwrap();
    let only = [one, InstanceId::generate()];
    let rows = load(&mut conn, Some(&only)).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].deploy_status, Some(DeployStatus::Crashed));
    assert_eq!(rows[0].deploy_detail.as_deref(), Some("out of memory"));
    assert_eq!(
        find(&mut conn, &two).await.unwrap().unwrap().deploy_status,
        None
    );
    assert_eq!(load(&mut conn, None).await.unwrap().len(), 2);
    let asked = [&only[0], &only[1]];
    assert_eq!(find_existing(&mut conn, &asked).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_seen_is_not_forgotten() {
    let mut conn = conn().await;
    let (id, fence) = leased(&mut conn).await;
    let created = made(&id);
    let _ = record_made(&mut conn, &fence, &created).await.unwrap();
    let before_it_was_made = Observation {
        instance: id.clone(),
        deploy_status: Some(DeployStatus::Building),
        deploy_detail: None,
        url: None,
        image: None,
        image_digest: None,
    };
    record_observations(&mut conn, &[before_it_was_made])
        .await
        .unwrap();
    let row = find(&mut conn, &id).await.unwrap().unwrap();
    assert_eq!(row.deploy_status, Some(DeployStatus::Building));
    assert_eq!(row.url, Some(created.url));
    assert_eq!(row.made, Some(created.handle));
}

#[tokio::test]
async fn a_row_that_is_not_understood_is_named() {
    let mut conn = conn().await;
    let id = intended(&mut conn).await;
    diesel::update(dsl::instance_infra)
        .set(dsl::url.eq("no url"))
        .execute(&mut conn)
        .await
        .unwrap();
    let error = find(&mut conn, &id).await.unwrap_err().to_string();
    let expected = format!("row {id} of table instance_infra is corrupt");
    assert!(error.starts_with(&expected), "{error}");
}

/// Inserts a row as the version before `handle` did.
async fn insert_without_handle(conn: &mut AsyncPgConnection, id: &InstanceId) {
    let insert = format!(
        "INSERT INTO instance_infra (instance_id, provider, provider_service_id, provider_env_id, \
         provider_project_id, volume_id, url, made_at) \
         VALUES ('{id}', 'acme', 'svc-{id}', 'env', 'project', NULL, 'https://a.example/', now())"
    );
    conn.batch_execute(&insert).await.unwrap();
}

#[tokio::test]
async fn a_row_of_the_version_before_leads_to_its_service_migrated_or_not() {
    const MIGRATION: &str = "2026-11-28-170000_add_handle_to_instance_infra";
    let mut conn = conn().await;
    let sql = |file: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/services");
        std::fs::read_to_string(format!("{folder}/{MIGRATION}/{file}")).unwrap()
    };
    let (before, meanwhile) = (InstanceId::generate(), InstanceId::generate());
    conn.batch_execute(&sql("down.sql")).await.unwrap();
    insert_without_handle(&mut conn, &before).await;
    conn.batch_execute(&sql("up.sql")).await.unwrap();
    insert_without_handle(&mut conn, &meanwhile).await;
    let expected = json!({ "environmentId": "env", "projectId": "project", "volumeId": null });
    for id in [before, meanwhile] {
        let row = find(&mut conn, &id).await.unwrap().unwrap();
        assert_eq!(row.made.unwrap().data, expected);
    }
}

#[tokio::test]
async fn ids_that_have_a_column_are_written_there_too() {
    let mut conn = conn().await;
    let (id, fence) = leased(&mut conn).await;
    let _ = record_made(&mut conn, &fence, &made(&id)).await.unwrap();
    let columns: (String, Option<String>, Option<String>) = dsl::instance_infra
        .select((
            dsl::provider_env_id,
            dsl::provider_project_id,
            dsl::volume_id,
        ))
        .first(&mut conn)
        .await
        .unwrap();
    let [environment, project, volume] = ["env", "project", "volume"].map(str::to_owned);
    assert_eq!(columns, (environment, Some(project), Some(volume)));
}
