"""Roles, database and guards: what a superuser prepares once, so that nobody needs him afterwards.

    owner      NOLOGIN  owns the tables and append(); nobody is it, the migrator may become it
    migrator   LOGIN    applies migrations as owner
    writer     LOGIN    reads, and writes through append() only
    sealer     LOGIN    reads, and adds published notes
    projector  LOGIN    reads, and keeps the views in schemas of its own
    reader     LOGIN    reads
    vault      LOGIN    reads and writes the vault, and nothing of the ledger

The guards are a tripwire, not the control: a superuser can switch off any of them. `check_guards` says which are gone,
and never asks a function of the database, which the same hand could have replaced.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.store.migrate import OWNER, function_bodies, migrate

WRITER: Final = "edgeprint_writer"
SEALER: Final = "edgeprint_sealer"
PROJECTOR: Final = "edgeprint_projector"
READER: Final = "edgeprint_reader"
MIGRATOR: Final = "edgeprint_migrator"
VAULT: Final = "edgeprint_vault"
LOGINS: Final = (WRITER, SEALER, PROJECTOR, READER, MIGRATOR, VAULT)
DATABASE: Final = "edgeprint"

# (table, trigger, function): what must stand, enabled ALWAYS.
GUARDS: Final = (
    ("events", "guard_change", "refuse_change"),
    ("commands", "guard_change", "refuse_change"),
    ("keys", "guard_change", "refuse_change"),
    ("published_notes", "guard_change", "refuse_change"),
    ("migrations", "guard_change", "refuse_change"),
    ("head", "guard_change", "refuse_change"),
    ("head", "guard_growth", "refuse_shrinking"),
)
EVENT_TRIGGERS: Final = ("edgeprint_guard_drop", "edgeprint_guard_ddl")

_GUARD_SQL: Final = """
CREATE SCHEMA IF NOT EXISTS edgeprint_guard;
REVOKE ALL ON SCHEMA edgeprint_guard FROM PUBLIC;
CREATE TABLE IF NOT EXISTS edgeprint_guard.expected (
    table_name text, trigger_name text, function_name text, body text, PRIMARY KEY (table_name, trigger_name));
REVOKE ALL ON edgeprint_guard.expected FROM PUBLIC;
CREATE OR REPLACE FUNCTION edgeprint_guard.refuse_weakening() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE gone text;
BEGIN
    SELECT format('%s on ledger.%s', x.trigger_name, x.table_name) INTO gone
    FROM edgeprint_guard.expected x
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE n.nspname = 'ledger' AND c.relname = x.table_name AND t.tgname = x.trigger_name
          AND t.tgenabled = 'A' AND p.proname = x.function_name AND p.prosrc = x.body)
    LIMIT 1;
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION '% refused: it would drop or disable the guard %', tg_tag, gone
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $guard$;
"""


def role_dsn(dsn: str, role: str, *, database: str = DATABASE, password: str | None = None) -> str:
    """Return `dsn` (where the server is) with another login, database and password."""
    parts: dict[str, Any] = conninfo_to_dict(dsn)
    parts.pop("password", None)
    parts.update(user=role, dbname=database)
    if password is not None:
        parts["password"] = password
    return make_conninfo(**parts)


def install(superuser_dsn: str, *, database: str = DATABASE, passwords: Mapping[str, str] | None = None) -> None:
    """Provision, migrate and arm; harmless when repeated. Over TCP `passwords` holds one for each role of LOGINS."""
    provision(superuser_dsn, database=database, passwords=passwords)
    migrate(role_dsn(superuser_dsn, MIGRATOR, database=database, password=(passwords or {}).get(MIGRATOR)))
    arm(superuser_dsn, database=database)


def provision(superuser_dsn: str, *, database: str = DATABASE, passwords: Mapping[str, str] | None = None) -> None:
    """Create roles, database, schema and event triggers where they are missing.

    The login of `superuser_dsn` may also be one with CREATEROLE and CREATEDB only; event triggers and the revocation
    of advisory locks are then left out, and `check_guards` reports them as missing.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        _create_roles(connection, passwords or {})
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").format(
                    sql.Identifier(database)
                )
            )
    with psycopg.connect(_in_database(superuser_dsn, database), autocommit=True) as connection:
        _grant(connection, database)
        if _is_superuser(connection):
            _close_advisory_locks(connection)
            connection.execute(_GUARD_SQL)
            for name, moment in zip(EVENT_TRIGGERS, ("sql_drop", "ddl_command_end"), strict=True):
                if connection.execute("SELECT 1 FROM pg_event_trigger WHERE evtname = %s", (name,)).fetchone() is None:
                    connection.execute(
                        sql.SQL(
                            "CREATE EVENT TRIGGER {} ON {} EXECUTE FUNCTION edgeprint_guard.refuse_weakening()"
                        ).format(sql.Identifier(name), sql.SQL(moment))
                    )
                connection.execute(sql.SQL("ALTER EVENT TRIGGER {} ENABLE ALWAYS").format(sql.Identifier(name)))


def arm(superuser_dsn: str, *, database: str = DATABASE) -> None:
    """Tell the event triggers which guards must stand from now on; after `migrate`. Without a superuser, do nothing."""
    bodies = function_bodies()
    with psycopg.connect(_in_database(superuser_dsn, database)) as connection:
        if not _is_superuser(connection):
            return
        for table, trigger, function in GUARDS:
            connection.execute(
                "INSERT INTO edgeprint_guard.expected VALUES (%s, %s, %s, %s) ON CONFLICT (table_name, trigger_name) "
                "DO UPDATE SET function_name = excluded.function_name, body = excluded.body",
                (table, trigger, function, bodies[function]),
            )


def check_guards(connection: psycopg.Connection[Any]) -> list[str]:
    """Return one line for each guard that is missing, disabled or replaced, and each role that may too much."""
    missing: list[str] = []
    triggers = {
        (str(row[0]), str(row[1])): (str(row[2]), str(row[3]))
        for row in connection.execute(
            "SELECT c.relname, t.tgname, t.tgenabled::text, p.proname FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE n.nspname = 'ledger'"
        )
    }
    for table, trigger, function in GUARDS:
        found = triggers.get((table, trigger))
        if found is None:
            missing.append(f"trigger {trigger} on ledger.{table} is missing")
        elif found != ("A", function):
            missing.append(f"trigger {trigger} on ledger.{table} is not enabled always with ledger.{function}")
    sources = {
        str(row[0]): str(row[1])
        for row in connection.execute(
            "SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = 'ledger'"
        )
    }
    for name, body in function_bodies().items():
        if sources.get(name) != body:
            missing.append(f"function ledger.{name} is not the one of the migrations")
    enabled = {str(row[0]) for row in connection.execute("SELECT evtname FROM pg_event_trigger WHERE evtenabled = 'A'")}
    missing.extend(f"event trigger {name} is missing or disabled" for name in EVENT_TRIGGERS if name not in enabled)
    missing.extend(_excess(connection))
    return missing


def _excess(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT r.rolname, c.relname, p.privilege FROM pg_roles r "
        "CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'ledger' "
        "CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p(privilege) "
        "WHERE r.rolname = ANY(%s) AND c.relkind = 'r' AND has_table_privilege(r.oid, c.oid, p.privilege)",
        ([WRITER, SEALER, PROJECTOR, READER, VAULT],),
    ).fetchall()
    excess = [f"role {role} may {privilege} on ledger.{table}" for role, table, privilege in rows]
    rows = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolcreaterole OR rolbypassrls OR "
        "(rolname = %s AND rolcanlogin))",
        ([OWNER, *LOGINS], OWNER),
    ).fetchall()
    return excess + [f"role {role} may too much" for (role,) in rows]


def _create_roles(connection: psycopg.Connection[Any], passwords: Mapping[str, str]) -> None:
    for role in (OWNER, *LOGINS):
        login = sql.SQL("NOLOGIN" if role == OWNER else "LOGIN")
        # It is there already, or another provisioner makes it at this moment.
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), login))
        if role in passwords:
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(passwords[role]))
            )
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(OWNER), sql.Identifier(MIGRATOR)))


def _grant(connection: psycopg.Connection[Any], database: str) -> None:
    name, owner = sql.Identifier(database), sql.Identifier(OWNER)
    logins = sql.SQL(", ").join(map(sql.Identifier, LOGINS))
    for statement in (
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, logins),
        sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"),
        sql.SQL("CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION {}").format(owner),
        sql.SQL("GRANT USAGE ON SCHEMA ledger TO {}").format(logins),
        sql.SQL("CREATE SCHEMA IF NOT EXISTS vault AUTHORIZATION {}").format(owner),
        sql.SQL("GRANT USAGE ON SCHEMA vault TO {}").format(sql.Identifier(VAULT)),
        sql.SQL("CREATE SCHEMA IF NOT EXISTS views AUTHORIZATION {}").format(owner),
        sql.SQL("GRANT USAGE ON SCHEMA views TO {}").format(logins),
        # schemas for the builds of views, and the session's own scratch schema for replays
        sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(name, sql.Identifier(PROJECTOR)),
        # A paused process that holds the head row would stop everybody.
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET idle_in_transaction_session_timeout = '10s'").format(
            sql.Identifier(WRITER), name
        ),
    ):
        connection.execute(statement)


def _close_advisory_locks(connection: psycopg.Connection[Any]) -> None:
    """Take advisory locks from PUBLIC: any role could otherwise hold the sealer's or the migrator's for ever."""
    names = connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace "
        "AND proname ~ '^pg_(try_)?advisory_' AND proname !~ 'unlock'"
    ).fetchall()
    for (name,) in names:
        signature = sql.SQL(name)
        connection.execute(sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(signature))
        connection.execute(
            sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}, {}, {}").format(
                signature, sql.Identifier(SEALER), sql.Identifier(MIGRATOR), sql.Identifier(OWNER)
            )
        )


def _in_database(dsn: str, database: str) -> str:
    return make_conninfo(dsn, dbname=database)


def _is_superuser(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    return row is not None and bool(row[0])
