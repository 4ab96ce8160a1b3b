-- A sealed text is longer than the one that it holds.
ALTER TABLE instances
    DROP CONSTRAINT instances_texts_check,
    ADD CONSTRAINT instances_texts_check
        CHECK (char_length(agent_name) <= 64 AND char_length(conversation_id) <= 256
               AND (char_length(invite_url) <= 2048
                    OR (invite_url LIKE 'xc1.%' AND octet_length(invite_url) <= 16384))
               AND (octet_length(instructions) <= 65536
                    OR (instructions LIKE 'xc1.%' AND octet_length(instructions) <= 98304)));
