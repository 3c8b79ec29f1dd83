-- Documents of the vault: intake manifests and statements, of which the ledger holds the SHA-256 alone.

CREATE TABLE vault.documents (
    sha256  bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    subject uuid  NOT NULL REFERENCES vault.subjects,
    sealed  bytea NOT NULL         -- nonce and AES-256-GCM ciphertext of the document, bound to sha256
);
CREATE INDEX documents_subject ON vault.documents (subject);
ALTER TABLE vault.documents ALTER COLUMN sealed SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, DELETE ON vault.documents TO edgeprint_vault;
