-- The views: how far each is, where its rows lie. Rows lie in schemas of the projector's own, one for each build.

CREATE TABLE views.projection (
    schema        text   PRIMARY KEY,
    name          text   NOT NULL,
    version       int    NOT NULL,
    state         text   NOT NULL CHECK (state IN ('live', 'building')),
    position      bigint NOT NULL DEFAULT 0 CHECK (position >= 0),  -- the first index that is not taken in
    indexed       boolean NOT NULL,                                 -- whether it has its indexes for questions
    poison_index  bigint,                                           -- the entry at which it stopped, and why
    poison_reason text,
    UNIQUE (name, state)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON views.projection TO edgeprint_projector;
GRANT SELECT ON views.projection TO edgeprint_reader, edgeprint_writer;
