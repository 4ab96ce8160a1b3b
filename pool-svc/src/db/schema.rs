//! The columns that Diesel builds queries on, at most 16 of `instances`. `migrations/pool` creates them.

diesel::table! {
    instances (id) {
        id -> Text,
        name -> Text,
        url -> Nullable<Text>,
        status -> Text,
        agent_name -> Nullable<Text>,
        conversation_id -> Nullable<Text>,
        invite_url -> Nullable<Text>,
        created_at -> Timestamptz,
        claimed_at -> Nullable<Timestamptz>,
        last_healthy_at -> Nullable<Timestamptz>,
        lease_expires_at -> Nullable<Timestamptz>,
        silent_since -> Nullable<Timestamptz>,
        made_at -> Nullable<Timestamptz>,
        pool -> Text,
        tools -> Nullable<Array<Text>>,
        runtime_key -> Nullable<Text>,
    }
}

diesel::table! {
    claim_keys (key) {
        key -> Text,
        run -> Int8,
        begun_at -> Timestamptz,
        lease_expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    claim_waiters (id) {
        id -> Int8,
        lease_expires_at -> Timestamptz,
    }
}

diesel::table! {
    tick_state (only_row) {
        only_row -> Bool,
        epoch -> Int8,
        turn_expires_at -> Nullable<Timestamptz>,
        doubt -> Nullable<Text>,
        doubted_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    pool_creation_failures (pool, cause) {
        pool -> Text,
        cause -> Text,
        in_a_row -> Int4,
        retry_at -> Timestamptz,
        error -> Text,
        failed_at -> Timestamptz,
        stopped_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    instance_events (id) {
        id -> Int8,
        instance_id -> Text,
        from_status -> Nullable<Text>,
        to_status -> Nullable<Text>,
        cause -> Text,
        at -> Timestamptz,
        principal -> Nullable<Text>,
        source -> Nullable<Text>,
        pool -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    pools (name) {
        name -> Text,
        recipe -> Jsonb,
        policy -> Jsonb,
        version -> Int4,
        changed_by -> Nullable<Text>,
        changed_at -> Timestamptz,
        declared -> Nullable<Jsonb>,
    }
}

diesel::table! {
    pool_versions (name, version) {
        name -> Text,
        version -> Int4,
        recipe -> Nullable<Jsonb>,
        policy -> Nullable<Jsonb>,
        changed_by -> Nullable<Text>,
        changed_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(instances, pool_creation_failures);
