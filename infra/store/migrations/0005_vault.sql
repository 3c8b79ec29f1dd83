-- The vault: what commitments open to. Nothing here is readable without the master key, which lies outside the database.

CREATE TABLE vault.subjects (
    subject uuid PRIMARY KEY,
    state   text  NOT NULL CHECK (state IN ('open', 'erasing', 'erased')),
    wrapped bytea,                 -- the subject's key, wrapped by generation `master`; null: none yet, or destroyed
    master  int,                   -- stays behind an erased key until that generation is replaced too
    told    boolean NOT NULL DEFAULT false,  -- the log says that the erasure has ended
    values_destroyed bigint NOT NULL DEFAULT 0,
    CHECK (state <> 'erased' OR wrapped IS NULL)
);

CREATE TABLE vault.secrets (
    event_id   uuid  NOT NULL,
    path       text  NOT NULL,
    subject    uuid  NOT NULL REFERENCES vault.subjects,
    actor      uuid  NOT NULL,
    command_id uuid  NOT NULL,
    sealed     bytea NOT NULL,     -- nonce and AES-256-GCM ciphertext of salt and value, bound to event_id and path
    PRIMARY KEY (event_id, path)
);
CREATE INDEX secrets_command ON vault.secrets (actor, command_id);
CREATE INDEX secrets_subject ON vault.secrets (subject);
ALTER TABLE vault.secrets ALTER COLUMN sealed SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE ON vault.subjects TO edgeprint_vault;
GRANT SELECT, INSERT, DELETE ON vault.secrets TO edgeprint_vault;
