-- Keys the hashes of recipes, so that a hash that is shown does not let anybody test a guess of a variable's value. It is
-- not the encryption key: a hash must stay the same when keys are rotated.
CREATE TABLE recipe_salt (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    salt text NOT NULL
);
INSERT INTO recipe_salt (salt) VALUES (gen_random_uuid()::text || gen_random_uuid()::text);
