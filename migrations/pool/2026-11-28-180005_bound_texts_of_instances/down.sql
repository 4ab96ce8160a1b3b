ALTER TABLE instances
    DROP COLUMN join_url_hash,
    DROP CONSTRAINT instances_texts_check;
