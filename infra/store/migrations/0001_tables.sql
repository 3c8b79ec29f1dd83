-- The tables of the ledger. `events` is the truth; `commands` and `keys` can be rebuilt from it; `head` is its end.

CREATE TABLE ledger.events (
    ledger_index   bigint PRIMARY KEY CHECK (ledger_index >= 0),
    recorded_at    bigint NOT NULL,
    time_high      bigint NOT NULL,
    stream_version bigint NOT NULL CHECK (stream_version >= 1),
    stream_id      uuid   NOT NULL,
    type           text   NOT NULL,
    entry          bytea  NOT NULL,
    leaf_hash      bytea  NOT NULL GENERATED ALWAYS AS (sha256('\x00'::bytea || entry)) STORED,
    CONSTRAINT events_stream UNIQUE (stream_id, stream_version)
);
-- Entries are high in entropy and already short: no compression, and a slice reads only its own bytes.
ALTER TABLE ledger.events ALTER COLUMN entry SET STORAGE EXTERNAL;
-- The event id is read from its frozen offset (32): an index on the expression costs less than a column of its own.
CREATE UNIQUE INDEX events_event_id ON ledger.events (substr(entry, 33, 16));
-- Clock resets cut the log into pieces; there are few, and every "as of" needs them.
CREATE INDEX events_clock_resets ON ledger.events (ledger_index) WHERE type = 'edgeprint.evidence.LedgerClockReset';

CREATE TABLE ledger.commands (
    actor          uuid   NOT NULL,
    command_id     uuid   NOT NULL,
    request_digest bytea  CHECK (octet_length(request_digest) = 32),
    first_index    bigint NOT NULL,
    last_index     bigint NOT NULL CHECK (last_index >= first_index - 1),
    PRIMARY KEY (actor, command_id)
);

CREATE TABLE ledger.keys (
    key          text   PRIMARY KEY,
    ledger_index bigint NOT NULL
);

-- One row, locked FOR UPDATE by every append: the total order. Few rows a page keep its updates inside the page.
CREATE TABLE ledger.head (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    size      bigint  NOT NULL,
    time_high bigint  NOT NULL,
    ledger_id uuid
) WITH (fillfactor = 10);
INSERT INTO ledger.head (size, time_high) VALUES (0, 0);

-- Every note the sealer ever published, in order; the first of them for a size is the promise.
CREATE TABLE ledger.published_notes (
    number       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size         bigint      NOT NULL CHECK (size >= 0),
    note         bytea       NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX published_notes_size ON ledger.published_notes (size);

GRANT SELECT ON ledger.events, ledger.commands, ledger.keys, ledger.head, ledger.published_notes, ledger.migrations
    TO edgeprint_writer, edgeprint_sealer, edgeprint_projector, edgeprint_reader;
GRANT INSERT (size, note) ON ledger.published_notes TO edgeprint_sealer;
