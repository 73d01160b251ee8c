-- +goose Up
-- +goose StatementBegin
-- For which time of backup.schedule a snapshot was made; NULL: somebody made it by hand, and whoever keeps to the schedule leaves it alone.
SET LOCAL ROLE scim_owner;
ALTER TABLE backup.snapshots ADD COLUMN IF NOT EXISTS slot timestamptz;
RESET ROLE;
-- +goose StatementEnd
