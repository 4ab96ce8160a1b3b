ALTER TABLE instances DROP COLUMN tools;
