//! The tables of `migrations/services`, as Diesel sees them.

// `deploy_detail`, `adopted_at`, `made_from` and `image_digest` of `instance_infra` are left out: for more than 16
// columns, Diesel needs a feature that makes every table slower to compile.
diesel::table! {
    instance_infra (instance_id) {
        instance_id -> Text,
        provider -> Text,
        provider_service_id -> Text,
        provider_env_id -> Text,
        provider_project_id -> Nullable<Text>,
        url -> Nullable<Text>,
        deploy_status -> Nullable<Text>,
        runtime_image -> Nullable<Text>,
        volume_id -> Nullable<Text>,
        handle -> Nullable<Jsonb>,
        runtime_key -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        made_at -> Nullable<Timestamptz>,
        started_at -> Nullable<Timestamptz>,
        destroying_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    instance_services (id) {
        id -> Int4,
        instance_id -> Text,
        tool_id -> Text,
        resource_id -> Text,
        resource_meta -> Nullable<Jsonb>,
        env_key -> Text,
        env_value -> Nullable<Text>,
        status -> Text,
        created_at -> Timestamptz,
        more_env -> Nullable<Jsonb>,
        made_at -> Nullable<Timestamptz>,
        destroying_at -> Nullable<Timestamptz>,
        repairing_at -> Nullable<Timestamptz>,
        adopted_at -> Nullable<Timestamptz>,
        unset_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    instance_leases (instance_id) {
        instance_id -> Text,
        holder -> Text,
        leased_until -> Timestamptz,
    }
}

diesel::table! {
    local_grants (instance_id) {
        instance_id -> Text,
        tools -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    sweep_reports (environment) {
        environment -> Text,
        swept_at -> Timestamptz,
        report -> Json,
    }
}

diesel::table! {
    sections (name) {
        name -> Text,
        holder -> Text,
        held_until -> Timestamptz,
        free_at -> Timestamptz,
    }
}

diesel::table! {
    made_instances (instance_id) {
        instance_id -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    confirmed_infras (infra_id) {
        infra_id -> Text,
        confirmed_at -> Timestamptz,
    }
}

diesel::table! {
    recipe_salt (only_row) {
        only_row -> Bool,
        salt -> Text,
    }
}

diesel::joinable!(instance_services -> instance_infra (instance_id));
diesel::allow_tables_to_appear_in_same_query!(instance_infra, instance_services, instance_leases);
