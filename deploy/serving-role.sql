-- A role that serves and can change nothing of the schema. The owner of the
-- database runs this after `rekey migrate`, once; tables of later migrations
-- are then granted as they are made.
CREATE ROLE rekey_serving LOGIN;
GRANT USAGE ON SCHEMA public TO rekey_serving;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rekey_serving;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rekey_serving;
-- What was migrated is read at the start. The journal is written and cleaned, never changed.
REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM rekey_serving;
REVOKE UPDATE ON security_events FROM rekey_serving;
