-- restore(): the one way to write old entries, for a re-import from the static tree. Owner only, nobody is granted it.
-- The caller has verified the entries against a signed checkpoint; here only density, order and the chain are kept.
-- Commands and keys are rebuilt afterwards (infra/store/check.py).

CREATE FUNCTION ledger.restore(
    p_first bigint, p_streams uuid[], p_versions bigint[], p_recorded bigint[], p_types text[], p_entries bytea[]
) RETURNS bigint
LANGUAGE plpgsql
SET search_path = ledger, pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $restore$
#variable_conflict error
DECLARE
    reset CONSTANT text := 'edgeprint.evidence.LedgerClockReset';
    base  bigint;
    old_high bigint;
    new_high bigint;
    ledger uuid;
    count CONSTANT int := cardinality(p_entries);
BEGIN
    SELECT h.size, h.time_high, h.ledger_id INTO STRICT base, old_high, ledger FROM head h WHERE h.one FOR UPDATE;
    IF p_first <> base THEN
        RAISE EXCEPTION 'restore() expected index %, found %', base, p_first USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO events (ledger_index, stream_id, stream_version, type, recorded_at, time_high, entry)
    SELECT base + n.i - 1, p_streams[n.i], p_versions[n.i], p_types[n.i], p_recorded[n.i],
           CASE WHEN n.piece = 0 THEN greatest(old_high, n.high) ELSE n.high END, p_entries[n.i]
    FROM (SELECT t.i, t.piece, max(p_recorded[t.i]) OVER (PARTITION BY t.piece ORDER BY t.i) AS high
          FROM (SELECT i, count(*) FILTER (WHERE p_types[i] = reset) OVER (ORDER BY i) AS piece
                FROM generate_series(1, count) i) t) n;
    SELECT e.time_high INTO STRICT new_high FROM events e WHERE e.ledger_index = base + count - 1;
    UPDATE head SET size = base + count, time_high = new_high, ledger_id = coalesce(ledger, p_streams[1]) WHERE one;
    PERFORM pg_notify('edgeprint_ledger', (base + count)::text);
    RETURN base + count;
END $restore$;

REVOKE ALL ON FUNCTION ledger.restore FROM PUBLIC;
