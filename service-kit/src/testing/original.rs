//! Databases as the Node.js original leaves them. The schemas were written down from its migrations, seen November 2026.

use diesel_async::SimpleAsyncConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::database::{TestDatabase, fresh_database};

const NONE: EmbeddedMigrations = embed_migrations!("tests/no_migrations");

/// Pool's database, if Services has its own. `runtime_image` and `source_branch` are from older versions.
pub const OLDER_POOL: &str = "
    CREATE TABLE instances (id text PRIMARY KEY, name text NOT NULL, url text,
        status text NOT NULL DEFAULT 'starting', agent_name text, conversation_id text, invite_url text,
        instructions text, created_at timestamptz NOT NULL DEFAULT now(), claimed_at timestamptz,
        runtime_image text, source_branch text);
    CREATE INDEX idx_instances_status ON instances (status)";

/// The database of Services in that case.
pub const OLDER_SERVICES: &str = "
    CREATE TABLE instance_infra (instance_id text PRIMARY KEY, provider text NOT NULL DEFAULT 'railway',
        provider_service_id text NOT NULL UNIQUE, provider_env_id text NOT NULL, url text, deploy_status text,
        runtime_image text, volume_id text, created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE instance_services (id serial PRIMARY KEY,
        instance_id text NOT NULL REFERENCES instance_infra ON DELETE CASCADE, tool_id text NOT NULL,
        resource_id text NOT NULL, resource_meta jsonb DEFAULT '{}', env_key text NOT NULL, env_value text,
        status text NOT NULL DEFAULT 'active', created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (instance_id, tool_id))";

/// The one database of newer versions, in which the URL of an instance is in `instance_infra` alone.
pub const NEWER: &str = "
    CREATE SCHEMA drizzle;
    CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
    CREATE TABLE instances (id text PRIMARY KEY, name text NOT NULL, status text NOT NULL DEFAULT 'starting',
        agent_name text, conversation_id text, invite_url text, instructions text,
        created_at timestamptz NOT NULL DEFAULT now(), claimed_at timestamptz);
    CREATE INDEX idx_instances_status ON instances (status);
    CREATE TABLE instance_infra (instance_id text PRIMARY KEY, provider text NOT NULL DEFAULT 'railway',
        provider_service_id text NOT NULL UNIQUE, provider_env_id text NOT NULL, provider_project_id text, url text,
        deploy_status text, runtime_image text, gateway_token text, runtime_version text, runtime_type text,
        volume_id text, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE instance_services (id serial PRIMARY KEY,
        instance_id text NOT NULL REFERENCES instance_infra ON DELETE CASCADE, tool_id text NOT NULL,
        resource_id text NOT NULL, resource_meta jsonb DEFAULT '{}', env_key text NOT NULL, env_value text,
        status text NOT NULL DEFAULT 'active', created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (instance_id, tool_id));
    CREATE TABLE phone_number_pool (id serial PRIMARY KEY, phone_number text UNIQUE NOT NULL,
        messaging_profile_id text NOT NULL, status text NOT NULL DEFAULT 'available',
        created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE payments (id serial PRIMARY KEY, instance_id text NOT NULL, stripe_customer_id text NOT NULL,
        stripe_payment_intent_id text NOT NULL UNIQUE, amount_cents integer NOT NULL,
        status text NOT NULL DEFAULT 'pending', created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE agent_skills (id text PRIMARY KEY, slug text UNIQUE NOT NULL, agent_name text NOT NULL,
        tools text[] NOT NULL DEFAULT '{}', published boolean NOT NULL DEFAULT false)";

/// A new database with one of these schemas, and then `rows`.
///
/// # Panics
/// There is no PostgreSQL on this machine, or it refuses the statements.
pub async fn original_database(schema: &str, rows: &str) -> TestDatabase {
    let database = fresh_database(NONE, "none").await;
    let conn = database.db().conn().await;
    let mut conn = conn.expect("the cluster answers");
    let statements = format!("DROP TABLE __diesel_schema_migrations; {schema}; {rows}");
    let made = conn.batch_execute(&statements).await;
    made.expect("statements that Postgres takes");
    database
}
