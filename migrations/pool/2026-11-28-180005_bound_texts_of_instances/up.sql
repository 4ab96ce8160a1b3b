-- What a runtime answered was stored at any length.
UPDATE instances
SET agent_name = left(agent_name, 64), conversation_id = left(conversation_id, 256),
    invite_url = left(invite_url, 2048)
WHERE char_length(agent_name) > 64 OR char_length(conversation_id) > 256
   OR char_length(invite_url) > 2048;

ALTER TABLE instances
    ADD CONSTRAINT instances_texts_check
        CHECK (char_length(agent_name) <= 64 AND char_length(conversation_id) <= 256
               AND char_length(invite_url) <= 2048 AND octet_length(instructions) <= 65536),
    -- The link that its claim joined by: another claim with it gets the same agent.
    ADD COLUMN join_url_hash bytea;

CREATE INDEX instances_join_url_hash_idx ON instances (join_url_hash) WHERE join_url_hash IS NOT NULL;
