-- One row, of the latest tick of any replica.
CREATE TABLE tick_state (
    only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Which tick it is. A tick whose number is no longer this one has been taken over.
    epoch bigint NOT NULL DEFAULT 0,
    began_at timestamptz,
    -- When a look at the fleet was last believed, and since when there was no long pause between two.
    observed_at timestamptz,
    watched_since timestamptz,
    -- Why the latest look was not, or not wholly, believed, and since when that is so.
    doubt text,
    doubted_since timestamptz,
    CONSTRAINT tick_state_doubt_check CHECK ((doubt IS NULL) = (doubted_since IS NULL))
);

INSERT INTO tick_state DEFAULT VALUES;
