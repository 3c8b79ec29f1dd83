"""The settings of an embedded cluster, written anew before each start, so that they follow the code.

Durability is not for sale here: fsync and synchronous_commit stay on whatever the measurements say. Nothing listens on
a network. `trust` in pg_hba.conf means: whoever can open the socket (0700) may be any role, superuser included.
Log lines carry no statement, no parameter and no row (terse, panic), because values of the ledger may be personal data.
"""

from pathlib import Path

HOST_ACCESS = (
    "# written by edgeprint before each start: the unix socket (0700) is the only way in\nlocal all all trust\n"
)

SETTINGS: tuple[tuple[str, str], ...] = (
    ("listen_addresses", "''"),
    ("port", "5432"),  # only part of the socket's name
    ("unix_socket_permissions", "0700"),
    ("max_connections", "200"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("jit", "off"),
    ("timezone", "'UTC'"),
    ("log_timezone", "'UTC'"),
    ("datestyle", "'ISO, YMD'"),
    ("lc_messages", "'C'"),
    ("log_destination", "'stderr'"),
    ("logging_collector", "off"),
    ("log_line_prefix", "'%m [%p] '"),
    ("log_checkpoints", "off"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_statement", "none"),
)


def postgresql_conf(socket_directory: Path, wal_compression: str) -> str:
    """Return the text of postgresql.conf; initdb's own file is read first and overruled.

    `socket_directory` holds no quote, comma or backslash (`place.is_usable_for_socket`).
    """
    lines = [f"{name} = {value}" for name, value in SETTINGS]
    lines.append(f"wal_compression = {wal_compression}")
    lines.append(f"unix_socket_directories = '\"{socket_directory}\"'")
    lines.append("hba_file = 'pg_hba.conf'")
    return "# written by edgeprint before each start\ninclude 'data/postgresql.conf'\n" + "\n".join(lines) + "\n"
