ALTER TABLE instances
    DROP CONSTRAINT instances_texts_check,
    ADD CONSTRAINT instances_texts_check
        CHECK (char_length(agent_name) <= 64 AND char_length(conversation_id) <= 256
               AND char_length(invite_url) <= 2048 AND octet_length(instructions) <= 65536)
        NOT VALID;
