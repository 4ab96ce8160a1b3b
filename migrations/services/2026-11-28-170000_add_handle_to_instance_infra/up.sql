-- What the provider needs to find its service again, in the provider's own words. The columns
-- provider_env_id, provider_project_id and volume_id repeat members of it for people. NULL: not made yet.
ALTER TABLE instance_infra ADD COLUMN handle jsonb;

UPDATE instance_infra
SET handle = jsonb_build_object(
    'environmentId', provider_env_id,
    'projectId', provider_project_id,
    'volumeId', volume_id
)
WHERE made_at IS NOT NULL;
