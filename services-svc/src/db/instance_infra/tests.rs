//! Every function on a real Postgres.

use agent_pool_service_kit::testing::fresh_database;
use diesel_async::pooled_connection::deadpool::Object;

use super::*;
use crate::db::MIGRATIONS;

async fn conn() -> Object<AsyncPgConnection> {
    let database = fresh_database(MIGRATIONS, "services").await;
    database.db().conn().await.unwrap()
}

async fn intended(conn: &mut AsyncPgConnection) -> InstanceId {
    let id = InstanceId::generate();
    let label = format!("label-{id}");
    intend(conn, &id, &"acme".parse().unwrap(), &label)
        .await
        .unwrap();
    id
}

fn made(id: &InstanceId) -> CreatedInfra {
    CreatedInfra {
        handle: InfraHandle {
            instance: id.clone(),
            service: format!("svc-{id}").parse().unwrap(),
            environment: "env".to_owned(),
            project: Some("project".to_owned()),
            volume: Some("volume".to_owned()),
            image: Some("image:1".to_owned()),
        },
        url: "https://a.example/".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_row_goes_from_intended_to_made_to_started_to_destroying() {
    let mut conn = conn().await;
    let id = intended(&mut conn).await;
    let row = find(&mut conn, &id).await.unwrap().unwrap();
    assert_eq!(
        (row.made, row.started, row.destroying),
        (None, false, false)
    );

    let created = made(&id);
    let written = record_made(&mut conn, &created).await.unwrap();
    let started = record_started(&mut conn, &id).await.unwrap();
    assert_eq!((written, started), (Written::Yes, Written::Yes));
    intend(&mut conn, &id, &"other".parse().unwrap(), "other")
        .await
        .unwrap();
    let row = find(&mut conn, &id).await.unwrap().unwrap();
    assert_eq!((row.infra.as_str(), row.started), ("acme", true));
    assert_eq!(
        (row.made, row.url),
        (Some(created.handle), Some(created.url))
    );

    mark_destroying(&mut conn, &id).await.unwrap();
    assert!(find(&mut conn, &id).await.unwrap().unwrap().destroying);
    delete(&mut conn, &id).await.unwrap();
    assert_eq!(find(&mut conn, &id).await.unwrap(), None);
    let written = record_made(&mut conn, &made(&id)).await.unwrap();
    let started = record_started(&mut conn, &id).await.unwrap();
    assert_eq!((written, started), (Written::NoRow, Written::NoRow));
}

#[tokio::test]
async fn what_is_seen_of_many_is_written_at_once_and_of_them_alone() {
    let mut conn = conn().await;
    let (one, two) = (intended(&mut conn).await, intended(&mut conn).await);
    let seen = Seen {
        instance: one.clone(),
        deploy_status: Some(DeployStatus::Crashed),
        url: Some("https://b.example/".parse().unwrap()),
        image: None,
    };
    record_seen(&mut conn, &[seen]).await.unwrap();
    let only = [one, InstanceId::generate()];
    let rows = load(&mut conn, Some(&only)).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].deploy_status, Some(DeployStatus::Crashed));
    assert_eq!(
        find(&mut conn, &two).await.unwrap().unwrap().deploy_status,
        None
    );
    assert_eq!(load(&mut conn, None).await.unwrap().len(), 2);
    let asked = [&only[0], &only[1]];
    assert_eq!(known(&mut conn, &asked).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_seen_is_not_forgotten() {
    let mut conn = conn().await;
    let id = intended(&mut conn).await;
    let created = made(&id);
    let _ = record_made(&mut conn, &created).await.unwrap();
    let before_it_was_made = Seen {
        instance: id.clone(),
        deploy_status: Some(DeployStatus::Building),
        url: None,
        image: None,
    };
    record_seen(&mut conn, &[before_it_was_made]).await.unwrap();
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
