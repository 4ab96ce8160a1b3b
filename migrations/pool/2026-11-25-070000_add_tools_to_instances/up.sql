-- The tools that Services was asked to equip it with. Null: it was not asked yet, or before this column.
ALTER TABLE instances ADD COLUMN tools text[];
