//! Seals again the values that are sealed with an older key, or not sealed.
//!
//! A value is replaced only if it is still the one that was read, so that no lease is needed.

use agent_pool_core::chain;
use agent_pool_service_kit::cipher::{Cipher, CipherError, Resealed};
use agent_pool_service_kit::db::DbError;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use tracing::warn;

use super::schema::{instance_infra, instance_services};
use crate::{runtime_key, sealed_env};

/// Number of rows to read at a time.
const AT_ONCE: i64 = 500;

/// Seals with the first key of `cipher` every value that is not sealed with it.
pub(crate) async fn reseal(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
) -> Result<Resealed, DbError> {
    let mut done = Resealed::default();
    if cipher.encrypts() {
        reseal_runtime_keys(conn, cipher, &mut done).await?;
        reseal_tools(conn, cipher, &mut done).await?;
    }
    Ok(done)
}

async fn reseal_runtime_keys(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    done: &mut Resealed,
) -> Result<(), DbError> {
    use instance_infra::dsl;
    let mut after = String::new();
    loop {
        let rows: Vec<(String, String)> = dsl::instance_infra
            .filter(dsl::instance_id.gt(&after))
            .filter(dsl::runtime_key.is_not_null())
            .order(dsl::instance_id)
            .limit(AT_ONCE)
            .select((dsl::instance_id, dsl::runtime_key.assume_not_null()))
            .load(conn)
            .await?;
        let Some((last, _)) = rows.last() else {
            return Ok(());
        };
        after.clone_from(last);
        for (instance, stored) in rows {
            let resealed = runtime_key::reseal(cipher, &instance, &stored);
            let Some(new) = count(done, resealed) else {
                continue;
            };
            let row = dsl::instance_infra
                .find(&instance)
                .filter(dsl::runtime_key.eq(&stored));
            done.sealed += diesel::update(row)
                .set(dsl::runtime_key.eq(new))
                .execute(conn)
                .await?;
        }
    }
}

/// The sealed variables of one tool.
#[derive(Queryable)]
struct ToolRow {
    id: i32,
    instance: String,
    tool: String,
    key: String,
    value: Option<String>,
    more: Option<Value>,
}

async fn reseal_tools(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    done: &mut Resealed,
) -> Result<(), DbError> {
    use instance_services::dsl;
    let mut after = i32::MIN;
    loop {
        let rows: Vec<ToolRow> = dsl::instance_services
            .filter(dsl::id.gt(after))
            .order(dsl::id)
            .limit(AT_ONCE)
            .select((
                dsl::id,
                dsl::instance_id,
                dsl::tool_id,
                dsl::env_key,
                dsl::env_value,
                dsl::more_env,
            ))
            .load(conn)
            .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        for row in &rows {
            reseal_tool(conn, cipher, row, done).await?;
        }
    }
}

async fn reseal_tool(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    row: &ToolRow,
    done: &mut Resealed,
) -> Result<(), DbError> {
    use instance_services::dsl;
    let (mut value, mut more) = (row.value.clone(), row.more.clone());
    let mut changed = 0;
    let main = value.as_mut().map(|text| (row.key.as_str(), text));
    let others = more.as_mut().and_then(Value::as_object_mut);
    let others = others.into_iter().flatten();
    let others = others.filter_map(|(name, value)| {
        let Value::String(text) = value else {
            return None;
        };
        Some((name.as_str(), text))
    });
    for (variable, text) in main.into_iter().chain(others) {
        let owner = [row.instance.as_str(), &row.tool, variable];
        if let Some(new) = count(done, sealed_env::reseal(cipher, owner, text)) {
            *text = new;
            changed += 1;
        }
    }
    if changed == 0 {
        return Ok(());
    }
    let same = dsl::instance_services
        .find(row.id)
        .filter(dsl::env_value.is_not_distinct_from(&row.value))
        .filter(dsl::more_env.is_not_distinct_from(&row.more));
    let replaced = diesel::update(same)
        .set((dsl::env_value.eq(value), dsl::more_env.eq(more)))
        .execute(conn)
        .await?;
    done.sealed += replaced * changed;
    Ok(())
}

/// The new text, if there is one. Counts values that need none, and values that cannot be opened.
fn count(done: &mut Resealed, resealed: Result<Option<String>, CipherError>) -> Option<String> {
    match resealed {
        Ok(Some(new)) => return Some(new),
        Ok(None) => done.current += 1,
        Err(error) => {
            done.lost += 1;
            warn!(
                error.chain = chain(&error),
                "a stored value cannot be decrypted: {error}"
            );
        }
    }
    None
}
