-- append() as in 0003, where it is explained; a command may have 4 MiB of entries instead of 1: a settlement of 40,000 lines
-- is one command, or a part of it could stand alone. Everything else is as it was.

CREATE OR REPLACE FUNCTION ledger.append(
    p_actors uuid[], p_command_ids uuid[], p_digests bytea[], p_ends int[],
    p_requests int[], p_before int[], p_event_schemas int[],
    p_streams uuid[], p_versions bigint[], p_recorded bigint[], p_entries bytea[],
    p_schemas bytea[], p_types text[],
    p_guard_requests int[], p_guard_streams uuid[], p_guard_versions bigint[],
    p_key_requests int[], p_key_events int[], p_keys text[]
) RETURNS TABLE (status text, first bigint, last bigint, reason text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ledger, pg_catalog, pg_temp
-- Without these, a plan cached while the table was empty scans it for ever.
SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $append$
#variable_conflict error
DECLARE
    entry_bytes_min    CONSTANT int := 191;
    entry_bytes_max    CONSTANT int := 60000;
    command_bytes_max  CONSTANT int := 4194304;
    command_events_max CONSTANT int := 1000;
    clock_us_max       CONSTANT bigint := 5000000;
    founded            CONSTANT text := 'edgeprint.evidence.LedgerFounded';
    reset              CONSTANT text := 'edgeprint.evidence.LedgerClockReset';
    zeros              CONSTANT bytea := decode(repeat('00', 32), 'hex');
    requests           CONSTANT int := cardinality(p_command_ids);
    events             CONSTANT int := cardinality(p_entries);
    guards             CONSTANT int := cardinality(p_guard_streams);
    keys_changed       CONSTANT int := cardinality(p_keys);
    base        bigint;       -- index of the next event
    old_high    bigint;       -- running maximum of recorded_at since the last clock reset
    ledger      uuid;
    new_high    bigint;
    now_us      bigint;
    known_schemas  bytea[];
    commands_bytes bytea[];
    ledger_actors  bytea[];
    statuses    text[];       -- null: accepted so far
    firsts      bigint[];
    lasts       bigint[];
    reasons     text[];
    refusals    text[];       -- found early, told late: a conflict is the better answer
    accepted    boolean[];
    touching    boolean;
    keys_repeat boolean := false;  -- some key is named more than once
    searched    boolean := false;
    found_any   boolean := false;
    rising      boolean;
    clean       boolean;
    stored      bigint;
    verdicts    append_verdict[];
    bad         append_verdict;
    violated    text;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'append() needs read committed: a snapshot taken before the lock does not see what it waited for'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF requests = 0 OR cardinality(p_actors) <> requests OR cardinality(p_digests) <> requests
        OR cardinality(p_ends) <> requests OR p_ends[requests] <> events OR cardinality(p_requests) <> events
        OR cardinality(p_before) <> events OR cardinality(p_event_schemas) <> events
        OR cardinality(p_streams) <> events OR cardinality(p_versions) <> events
        OR cardinality(p_recorded) <> events OR cardinality(p_guard_requests) <> guards
        OR cardinality(p_guard_versions) <> guards OR cardinality(p_key_requests) <> keys_changed
        OR cardinality(p_key_events) <> keys_changed OR cardinality(p_types) <> cardinality(p_schemas) THEN
        RAISE EXCEPTION 'append(): arrays of unequal length' USING ERRCODE = 'array_subscript_error';
    END IF;
    -- In the body: a SET clause of the function is undone before the commit, which would then return before its flush.
    violated := set_config('synchronous_commit', 'on', true);

    SELECT h.size, h.time_high, h.ledger_id INTO STRICT base, old_high, ledger FROM head h WHERE h.one FOR UPDATE;
    now_us := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

    -- Requests of one call that touch each other are handled one by one. (Nested: an EXISTS costs even if not asked.)
    touching := requests > 1 AND (base = 0 OR p_types && ARRAY[founded, reset]);
    IF keys_changed > 1 OR (keys_changed > 0 AND requests > 1) THEN
        SELECT touching OR (requests > 1 AND bool_or(k.shared OR k.key LIKE 'schema/%')), bool_or(k.times > 1)
        INTO touching, keys_repeat
        FROM (SELECT key, min(request) <> max(request) AS shared, count(*) AS times
              FROM unnest(p_keys, p_key_requests) u(key, request) GROUP BY key) k;
    END IF;
    IF requests > 1 AND guards > 0 THEN
        touching := touching OR EXISTS (
            SELECT 1 FROM unnest(p_streams, p_requests) e(stream, request)
            JOIN unnest(p_guard_streams, p_guard_requests) g(stream, request)
                ON g.stream = e.stream AND g.request <> e.request);
    END IF;
    IF touching THEN
        RETURN QUERY SELECT o.* FROM append_one_by_one(p_actors, p_command_ids, p_digests, p_ends, p_before,
            p_event_schemas, p_streams, p_versions, p_recorded, p_entries, p_schemas, p_types, p_guard_requests,
            p_guard_streams, p_guard_versions, p_key_requests, p_key_events, p_keys) o;
        RETURN;
    END IF;

    statuses := array_fill(NULL::text, ARRAY[requests]);
    reasons := array_fill(''::text, ARRAY[requests]);
    refusals := statuses;
    firsts := array_fill(-1::bigint, ARRAY[requests]);
    lasts := firsts;

    -- 1. Commands that are known already.
    SELECT array_agg(row(r, c.first_index, c.last_index,
                         CASE WHEN c.request_digest <> p_digests[r] THEN 'refused' ELSE 'duplicate' END)::append_verdict)
    INTO verdicts
    FROM generate_series(1, requests) r
    CROSS JOIN LATERAL (SELECT * FROM commands c
                        WHERE c.actor = p_actors[r] AND c.command_id = p_command_ids[r] OFFSET 0) c;
    FOREACH bad IN ARRAY coalesce(verdicts, '{}') LOOP
        found_any := true;
        statuses[bad.request] := bad.verdict;
        IF bad.verdict = 'duplicate' THEN
            reasons[bad.request] := 'the command is known';
            firsts[bad.request] := bad.first;
            lasts[bad.request] := bad.last;
        ELSE
            reasons[bad.request] := format('another body under the same command id %s', p_command_ids[bad.request]);
        END IF;
    END LOOP;

    IF base = 0 AND events > 0 AND p_types[p_event_schemas[1]] = founded THEN
        ledger := p_streams[1];
    END IF;
    -- What the bytes must hold, for each request and each schema. A schema that is not published at a smaller index or by
    -- this very request becomes '', which no entry begins with.
    SELECT array_agg(uuid_send(p_command_ids[r])), array_agg(coalesce(uuid_send(ledger), '') || uuid_send(p_actors[r]))
    INTO commands_bytes, ledger_actors FROM generate_series(1, requests) r;
    SELECT array_agg(CASE WHEN octet_length(p_types[s]) BETWEEN 1 AND 255 AND (
                                   (SELECT true FROM keys k WHERE k.key = 'schema/' || encode(p_schemas[s], 'hex'))
                                   OR (keys_changed > 0 AND 'schema/' || encode(p_schemas[s], 'hex') = ANY (p_keys)))
                          THEN p_schemas[s] ELSE '' END)
    INTO known_schemas FROM generate_series(1, cardinality(p_schemas)) s;

    -- 2. Clock, versions, and the columns against the bytes; a good event yields no row here.
    -- Its expressions are set up anew for every call, so it only counts; the words are found below, for the few.
    SELECT array_agg(row(v.request, v.i, v.stands, v.code)::append_verdict ORDER BY v.request, v.code)
    INTO verdicts
    FROM (
        SELECT e.request, e.i, stream.version AS stands, CASE
            WHEN abs(p_recorded[e.i] - now_us) > clock_us_max AND p_recorded[e.i] >= 0 THEN 'a'
            WHEN e.before = 0 AND e.version <> coalesce(stream.version, 0) + 1 THEN 'b'
            WHEN octet_length(e.entry) NOT BETWEEN entry_bytes_min AND entry_bytes_max THEN 'c'
            WHEN p_recorded[e.i] < 0 THEN 'd'
            WHEN substr(e.entry, 1, 32) IS DISTINCT FROM known_schemas[p_event_schemas[e.i]] THEN 'e'
            WHEN substr(e.entry, 49, 16) IS DISTINCT FROM uuid_send(p_streams[e.i]) THEN 'f'
            WHEN substr(e.entry, 97, 16) IS DISTINCT FROM commands_bytes[e.request] THEN 'g'
            WHEN substr(e.entry, 145, 32) IS DISTINCT FROM ledger_actors[e.request] THEN 'h'
            WHEN CASE WHEN e.version < 64 THEN get_byte(e.entry, 184) <> e.version * 2
                      WHEN e.version < 8192 THEN get_byte(e.entry, 184) <> (e.version * 2 & 127) + 128
                                              OR get_byte(e.entry, 185) <> e.version >> 6 END THEN 'i'
            WHEN e.before = 0 THEN
                CASE WHEN substr(e.entry, 65, 32) <> coalesce(stream.leaf, zeros) THEN 'j' END
            WHEN e.before NOT BETWEEN 1 AND e.i - 1
                 OR p_requests[e.before] <> e.request
                 OR p_streams[e.before] <> p_streams[e.i]
                 OR p_versions[e.before] <> e.version - 1
                 OR substr(e.entry, 65, 32) <> sha256('\x00'::bytea || p_entries[e.before]) THEN 'k'
            END AS code
        FROM unnest(p_entries, p_before, p_versions, p_requests) WITH ORDINALITY e(entry, before, version, request, i)
        LEFT JOIN LATERAL (SELECT s.stream_version AS version, s.leaf_hash AS leaf FROM events s
                           WHERE e.before = 0 AND s.stream_id = p_streams[e.i]
                           ORDER BY s.stream_version DESC LIMIT 1) stream ON true
        OFFSET 0
    ) v WHERE v.code IS NOT NULL;
    FOREACH bad IN ARRAY coalesce(verdicts, '{}') LOOP
        found_any := true;
        IF bad.request IS NULL OR bad.request NOT BETWEEN 1 AND requests THEN
            RAISE EXCEPTION 'append(): event without a request' USING ERRCODE = 'array_subscript_error';
        ELSIF statuses[bad.request] IS NOT NULL OR refusals[bad.request] IS NOT NULL THEN
            CONTINUE;
        ELSIF bad.verdict = 'a' THEN
            statuses[bad.request] := 'stale';
            reasons[bad.request] := format('recorded_at %s, database clock %s, expected within 5 s',
                                           p_recorded[bad.first], now_us);
        ELSIF bad.verdict = 'b' THEN
            statuses[bad.request] := 'conflict';
            reasons[bad.request] := format('stream %s stands at version %s, expected %s', p_streams[bad.first],
                                           coalesce(bad.last, 0), p_versions[bad.first] - 1);
        ELSE
            refusals[bad.request] := CASE bad.verdict
                WHEN 'c' THEN format('entry has %s bytes, expected %s to %s', octet_length(p_entries[bad.first]),
                                     entry_bytes_min, entry_bytes_max)
                WHEN 'd' THEN 'entry holds no recorded_at'
                WHEN 'e' THEN format('schema %s is not published, or its type has no name',
                                     encode(substr(p_entries[bad.first], 1, 32), 'hex'))
                WHEN 'f' THEN format('entry names another stream than %s', p_streams[bad.first])
                WHEN 'g' THEN format('entry names another command than %s', p_command_ids[bad.request])
                WHEN 'h' THEN format('entry names another ledger than %s or another actor than %s', ledger,
                                     p_actors[bad.request])
                WHEN 'i' THEN format('entry names another stream version than %s', p_versions[bad.first])
                ELSE format('stream %s version %s does not name the leaf hash of the event before it',
                            p_streams[bad.first], p_versions[bad.first]) END;
        END IF;
    END LOOP;
    -- 3. Guards: streams that were read must still stand where they stood.
    IF guards > 0 THEN
        SELECT array_agg(row(p_guard_requests[g], g, coalesce(stream.version, 0), NULL)::append_verdict)
        INTO verdicts
        FROM generate_series(1, guards) g
        LEFT JOIN LATERAL (SELECT e.stream_version AS version FROM events e WHERE e.stream_id = p_guard_streams[g]
                           ORDER BY e.stream_version DESC LIMIT 1) stream ON true
        WHERE coalesce(stream.version, 0) <> p_guard_versions[g];
        FOREACH bad IN ARRAY coalesce(verdicts, '{}') LOOP
            found_any := true;
            IF statuses[bad.request] IS NULL THEN
                statuses[bad.request] := 'conflict';
                reasons[bad.request] := format('guarded stream %s stands at version %s, expected %s',
                                               p_guard_streams[bad.first], bad.last, p_guard_versions[bad.first]);
            END IF;
        END LOOP;
    END IF;

    -- 4. Keys: what is given back must be held, what is taken must be free.
    IF keys_changed > 0 THEN
        SELECT array_agg(row(v.request, v.k, v.holder, v.code)::append_verdict ORDER BY least(v.code, 'c'), v.k)
        INTO verdicts
        FROM (
            SELECT k, p_key_requests[k] AS request, held.ledger_index AS holder, CASE
                WHEN p_key_events[k] = 0 AND held.ledger_index IS NULL THEN 'a'
                WHEN p_key_events[k] > 0 AND held.ledger_index IS NOT NULL AND NOT (keys_repeat AND EXISTS (
                    SELECT 1 FROM generate_series(1, keys_changed) o WHERE p_keys[o] = p_keys[k] AND p_key_events[o] = 0))
                    THEN 'b'
                WHEN octet_length(p_keys[k]) NOT BETWEEN 1 AND 500 THEN 'c'
                WHEN p_key_events[k] = 0 AND p_keys[k] LIKE 'schema/%' THEN 'd'
                WHEN p_ends[p_key_requests[k]] = coalesce(p_ends[p_key_requests[k] - 1], 0)
                     OR (p_key_events[k] > 0 AND p_requests[p_key_events[k]] IS DISTINCT FROM p_key_requests[k]) THEN 'e'
                WHEN keys_repeat AND EXISTS (
                    SELECT 1 FROM generate_series(1, keys_changed) o WHERE p_keys[o] = p_keys[k] AND o <> k
                        AND (p_key_events[o] = 0) = (p_key_events[k] = 0)) THEN 'f'
                END AS code
            FROM generate_series(1, keys_changed) k
            LEFT JOIN LATERAL (SELECT h.ledger_index FROM keys h WHERE h.key = p_keys[k] OFFSET 0) held ON true
            OFFSET 0
        ) v WHERE v.code IS NOT NULL;
        FOREACH bad IN ARRAY coalesce(verdicts, '{}') LOOP
            found_any := true;
            IF statuses[bad.request] IS NOT NULL THEN
                CONTINUE;
            ELSIF bad.verdict = 'a' THEN
                statuses[bad.request] := 'conflict';
                reasons[bad.request] := format('key %s is not held', p_keys[bad.first]);
            ELSIF bad.verdict = 'b' THEN
                statuses[bad.request] := 'conflict';
                reasons[bad.request] := format('key %s is held by index %s', p_keys[bad.first], bad.last);
                firsts[bad.request] := bad.last;
                lasts[bad.request] := bad.last;
            ELSIF refusals[bad.request] IS NULL THEN
                refusals[bad.request] := CASE bad.verdict
                    WHEN 'c' THEN 'a key has 1 to 500 bytes'
                    WHEN 'd' THEN 'a published schema is never withdrawn'
                    WHEN 'e' THEN format('key %s changes with no event of its request', p_keys[bad.first])
                    ELSE format('key %s is named twice', p_keys[bad.first]) END;
            END IF;
        END LOOP;
    END IF;

    -- 5. Limits of a command, and the founding of the ledger.
    IF events > 17 THEN  -- fewer cannot be too many bytes, since each has at most 60,000
        SELECT array_agg(row(r, -1, -1, format('a command has at most %s events and %s bytes', command_events_max,
                                               command_bytes_max))::append_verdict)
        INTO verdicts
        FROM generate_series(1, requests) r
        WHERE p_ends[r] - coalesce(p_ends[r - 1], 0) > command_events_max
            OR (p_ends[r] - coalesce(p_ends[r - 1], 0) > 17 AND command_bytes_max < (
                SELECT sum(octet_length(p_entries[i])) FROM generate_series(coalesce(p_ends[r - 1], 0) + 1, p_ends[r]) i));
        FOREACH bad IN ARRAY coalesce(verdicts, '{}') LOOP
            found_any := true;
            refusals[bad.request] := coalesce(refusals[bad.request], bad.verdict);
        END LOOP;
    END IF;
    IF base = 0 AND (events = 0 OR p_types[p_event_schemas[1]] <> founded) THEN
        found_any := true;
        refusals[1] := 'the ledger is not founded: index 0 is LedgerFounded';
    END IF;
    IF p_types && ARRAY[founded] THEN
        IF EXISTS (SELECT 1 FROM generate_series(1, events) i
                   WHERE p_types[p_event_schemas[i]] = founded AND base + i > 1) THEN
            found_any := true;
            refusals[1] := coalesce(refusals[1], 'the ledger is founded once, at index 0');
        END IF;
    END IF;
    -- What was found may be different behind an earlier request of the same call that writes the same stream.
    IF requests > 1 AND found_any THEN
        IF EXISTS (SELECT 1 FROM unnest(p_streams, p_requests) e(stream, request)
                   GROUP BY e.stream HAVING min(e.request) <> max(e.request)) THEN
            RETURN QUERY SELECT o.* FROM append_one_by_one(p_actors, p_command_ids, p_digests, p_ends, p_before,
                p_event_schemas, p_streams, p_versions, p_recorded, p_entries, p_schemas, p_types, p_guard_requests,
                p_guard_streams, p_guard_versions, p_key_requests, p_key_events, p_keys) o;
            RETURN;
        END IF;
    END IF;

    -- 6. Write what is left. Where nothing was found, all is accepted and its place is known; where the times of a call
    -- also rise, as they do when one clock gave them, each is its own running maximum.
    rising := events = 1;
    IF events > 1 THEN
        SELECT NOT EXISTS (SELECT 1 FROM generate_series(2, events) i WHERE p_recorded[i] < p_recorded[i - 1]) INTO rising;
    END IF;
    rising := rising AND NOT p_types && ARRAY[reset];
    <<writing>> LOOP
        clean := NOT found_any;
        IF clean AND requests = 1 THEN
            stored := events;
            firsts[1] := base;
            lasts[1] := base + events - 1;
        ELSIF clean THEN
            stored := events;
            SELECT array_agg(base + coalesce(p_ends[r - 1], 0)), array_agg(base + p_ends[r] - 1)
            INTO firsts, lasts FROM generate_series(1, requests) r;
        ELSE
            SELECT array_agg(a.ok ORDER BY a.r), max(a.upto) - base,
                   array_agg(CASE WHEN a.ok THEN a.upto - a.events ELSE firsts[a.r] END ORDER BY a.r),
                   array_agg(CASE WHEN a.ok THEN a.upto - 1 ELSE lasts[a.r] END ORDER BY a.r),
                   array_agg(CASE WHEN NOT a.ok THEN coalesce(statuses[a.r], 'refused') END ORDER BY a.r),
                   array_agg(CASE WHEN statuses[a.r] IS NULL THEN coalesce(refusals[a.r], '') ELSE reasons[a.r] END ORDER BY a.r)
            INTO accepted, stored, firsts, lasts, statuses, reasons
            FROM (SELECT c.r, c.ok, c.events, base + sum(CASE WHEN c.ok THEN c.events ELSE 0 END) OVER (ORDER BY c.r) AS upto
                  FROM (SELECT r, statuses[r] IS NULL AND refusals[r] IS NULL AS ok,
                               p_ends[r] - coalesce(p_ends[r - 1], 0) AS events
                        FROM generate_series(1, requests) r) c) a;
        END IF;
        EXIT writing WHEN NOT clean AND array_position(accepted, true) IS NULL;
        BEGIN
            IF stored > 0 THEN
                IF clean AND rising THEN
                    INSERT INTO events (ledger_index, stream_id, stream_version, type, recorded_at, time_high, entry)
                    SELECT base + i - 1, p_streams[i], p_versions[i], p_types[p_event_schemas[i]],
                           p_recorded[i], greatest(old_high, p_recorded[i]), p_entries[i]
                    FROM generate_series(1, events) i;
                ELSE
                    INSERT INTO events (ledger_index, stream_id, stream_version, type, recorded_at, time_high, entry)
                    SELECT base + n.number - 1, p_streams[n.i], p_versions[n.i], p_types[p_event_schemas[n.i]],
                           p_recorded[n.i], CASE WHEN n.piece = 0 THEN greatest(old_high, n.high) ELSE n.high END, p_entries[n.i]
                    FROM (SELECT t.i, t.piece, row_number() OVER (ORDER BY t.i) AS number,
                                 max(p_recorded[t.i]) OVER (PARTITION BY t.piece ORDER BY t.i) AS high
                          FROM (SELECT i, count(*) FILTER (WHERE p_types[p_event_schemas[i]] = reset)
                                          OVER (ORDER BY i) AS piece
                                FROM generate_series(1, events) i WHERE clean OR accepted[p_requests[i]]) t) n;
                END IF;
                IF clean AND rising THEN
                    new_high := greatest(old_high, p_recorded[events]);
                ELSE
                    SELECT e.time_high INTO STRICT new_high FROM events e WHERE e.ledger_index = base + stored - 1;
                END IF;
            END IF;
            INSERT INTO commands (actor, command_id, request_digest, first_index, last_index)
            SELECT p_actors[r], p_command_ids[r], p_digests[r], firsts[r], lasts[r]
            FROM generate_series(1, requests) r WHERE clean OR accepted[r];
            IF 0 = ANY (p_key_events) THEN
                DELETE FROM keys WHERE key = ANY (ARRAY(
                    SELECT p_keys[k] FROM generate_series(1, keys_changed) k
                    WHERE p_key_events[k] = 0 AND (clean OR accepted[p_key_requests[k]])));
            END IF;
            IF keys_changed > 0 THEN
                INSERT INTO keys (key, ledger_index)
                SELECT p_keys[k], firsts[p_key_requests[k]] + p_key_events[k] - 1 - coalesce(p_ends[p_key_requests[k] - 1], 0)
                FROM generate_series(1, keys_changed) k
                WHERE p_key_events[k] > 0 AND (clean OR accepted[p_key_requests[k]]);
            END IF;
            IF stored > 0 THEN
                UPDATE head SET size = base + stored, time_high = new_high, ledger_id = ledger WHERE one;
                violated := pg_notify('edgeprint_ledger', (base + stored)::text)::text;
            END IF;
            EXIT writing;
        EXCEPTION WHEN unique_violation THEN
            GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
            verdicts := NULL;
            IF requests > 1 AND violated = 'events_event_id' AND NOT searched THEN
                -- Event ids that the ledger has: their requests are refused, the others tried again.
                searched := true;
                SELECT array_agg(row(p_requests[e.i], -1, -1, 'an event id is in the ledger already')::append_verdict)
                INTO verdicts
                FROM unnest(p_entries) WITH ORDINALITY e(entry, i)
                WHERE (SELECT true FROM events s WHERE substr(s.entry, 33, 16) = substr(e.entry, 33, 16))
                    AND statuses[p_requests[e.i]] IS NULL AND refusals[p_requests[e.i]] IS NULL;
            END IF;
            IF requests = 1 THEN
                verdicts := ARRAY[row(1, -1, -1, CASE violated
                    WHEN 'events_event_id' THEN 'an event id is in the ledger already or named twice'
                    WHEN 'events_stream' THEN 'a stream version is written twice'
                    ELSE 'violates ' || violated END)::append_verdict];
            ELSIF verdicts IS NULL THEN
                RETURN QUERY SELECT o.* FROM append_one_by_one(p_actors, p_command_ids, p_digests, p_ends, p_before,
                    p_event_schemas, p_streams, p_versions, p_recorded, p_entries, p_schemas, p_types,
                    p_guard_requests, p_guard_streams, p_guard_versions, p_key_requests, p_key_events, p_keys) o;
                RETURN;
            END IF;
            FOREACH bad IN ARRAY verdicts LOOP
                found_any := true;
                statuses[bad.request] := 'refused';
                reasons[bad.request] := bad.verdict;
                firsts[bad.request] := -1;
                lasts[bad.request] := -1;
            END LOOP;
        END;
    END LOOP;
    IF requests = 1 THEN
        status := coalesce(statuses[1], 'stored');
        first := firsts[1];
        last := lasts[1];
        reason := reasons[1];
        RETURN NEXT;
    ELSE
        RETURN QUERY SELECT coalesce(statuses[r], 'stored'), firsts[r], lasts[r], reasons[r]
                     FROM generate_series(1, requests) r;
    END IF;
END $append$;
