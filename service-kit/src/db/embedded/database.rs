//! Statements that create databases.

use agent_pool_core::Secret;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::connect::connect;
use crate::db::{DatabaseUrl, DbError};

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

pub(super) async fn create_if_absent(server: &DatabaseUrl, name: &str) -> Result<(), DbError> {
    let mut conn = connect(server).await?;
    if exists(&mut conn, name).await? {
        return Ok(());
    }
    match create(&mut conn, name, None).await {
        // Another process created it first.
        Err(_) if exists(&mut conn, name).await? => Ok(()),
        result => result,
    }
}

/// Creates a database, as a copy of `template` if given. Diesel has no statement for it.
pub(crate) async fn create(
    conn: &mut AsyncPgConnection,
    name: &str,
    template: Option<&str>,
) -> Result<(), DbError> {
    let name = quoted(name);
    let template = template.map(|template| format!(" TEMPLATE {}", quoted(template)));
    let statement = format!("CREATE DATABASE {name}{}", template.unwrap_or_default());
    diesel::sql_query(statement).execute(conn).await?;
    Ok(())
}

/// Makes a role of the same name the owner of the database and of everything in it. Diesel has no statements for it.
pub(super) async fn give_to_owner(
    superuser: &DatabaseUrl,
    name: &str,
    password: &Secret,
) -> Result<(), DbError> {
    let role = quoted(name);
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (word, password) = (literal(name), literal(password.expose()));
    let statements = format!(
        "DO $$ DECLARE one record; BEGIN
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {word}) THEN
                 CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
             END IF;
             ALTER ROLE {role} PASSWORD {password};
             ALTER DATABASE {role} OWNER TO {role};
             REVOKE ALL ON DATABASE {role} FROM PUBLIC;
             -- What was made before there was this role.
             FOR one IN SELECT oid::regclass AS name FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                   AND relowner <> (SELECT oid FROM pg_roles WHERE rolname = {word})
             LOOP
                 EXECUTE format('ALTER TABLE %s OWNER TO {role}', one.name);
             END LOOP;
         END $$"
    );
    let mut conn = connect(superuser).await?;
    diesel::sql_query(statements).execute(&mut conn).await?;
    Ok(())
}

async fn exists(conn: &mut AsyncPgConnection, name: &str) -> Result<bool, DbError> {
    let query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS yes";
    let query = diesel::sql_query(query).bind::<Text, _>(name);
    let Answer { yes } = query.get_result(conn).await?;
    Ok(yes)
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
