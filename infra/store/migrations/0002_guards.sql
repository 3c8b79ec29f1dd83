-- Tripwires: what is written is never changed, whoever asks, unless a superuser switches them off first (fsck sees that).

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $refuse_change$
BEGIN
    -- commands and keys hold nothing that the log does not say: a rebuild (infra/store/check.py) may open them.
    IF TG_TABLE_NAME IN ('commands', 'keys') AND current_setting('edgeprint.rebuilding', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'ledger.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $refuse_change$;

CREATE FUNCTION ledger.refuse_shrinking() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $refuse_shrinking$
BEGIN
    IF NEW.size < OLD.size OR (OLD.ledger_id IS NOT NULL AND NEW.ledger_id IS DISTINCT FROM OLD.ledger_id) THEN
        RAISE EXCEPTION 'ledger.head only grows: size % to %, ledger % to %', OLD.size, NEW.size, OLD.ledger_id, NEW.ledger_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $refuse_shrinking$;

CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.commands
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.published_notes
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.migrations
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
-- A released key is deleted by append(), so DELETE stays open to the owner here.
CREATE TRIGGER guard_change BEFORE UPDATE OR TRUNCATE ON ledger.keys
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER guard_change BEFORE DELETE OR TRUNCATE ON ledger.head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER guard_growth BEFORE UPDATE ON ledger.head
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_shrinking();

-- ALWAYS: also where session_replication_role = replica would skip ordinary triggers.
ALTER TABLE ledger.events          ENABLE ALWAYS TRIGGER guard_change;
ALTER TABLE ledger.commands        ENABLE ALWAYS TRIGGER guard_change;
ALTER TABLE ledger.published_notes ENABLE ALWAYS TRIGGER guard_change;
ALTER TABLE ledger.migrations      ENABLE ALWAYS TRIGGER guard_change;
ALTER TABLE ledger.keys            ENABLE ALWAYS TRIGGER guard_change;
ALTER TABLE ledger.head            ENABLE ALWAYS TRIGGER guard_change, ENABLE ALWAYS TRIGGER guard_growth;
