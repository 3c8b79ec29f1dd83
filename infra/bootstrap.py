"""The one composition root: from settings to a running application.

    with opened(settings) as session:          # starts the database if nobody has, stops it again
        session.application.execute(task)
        session.seal()                         # or waits for the sealer that `edgeprint up` runs

`found` makes a ledger: home, keys, policy file, database, founding append, the holder and edgeprint itself as parties.
A crash in the middle is repaired by calling it again: who the ledger is stands in `founding.json` from the first
moment, its commands have the ids of the streams they make, and `config.json` is written last and makes a home whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from domain.errors import Invalid, Rejected
from domain.events import ActorKind
from domain.evidence.events import schema_key
from domain.evidence.ledger import FoundLedger, PublishSchemas, SchemaText
from domain.governance.events import PartyKind
from domain.governance.party import EnrolParty
from domain.governance.signing import prove_binding
from domain.ids import LedgerId, format_id, parse_prefix
from domain.ledger.text import KEY_NAME_BYTES_MAX, check_key_name
from infra.blobs.store import BlobStore
from infra.clock import IdSource, now_s, now_us
from infra.database import Database
from infra.home import FORMAT, Home, HomeConfig
from infra.keys.files import FileKeys
from infra.keys.parties import PartyKeys
from infra.locks import FileLock
from infra.log import policy_of
from infra.process import write_durably
from infra.sealer.sealing import guard_of, seal_through
from infra.settings import Settings
from infra.store.mapper import EntryMapper
from infra.store.provision import VAULT, WRITER
from infra.store.recorder import LedgerRecorder
from infra.tiles.posix import PosixTree, unverified_size
from infra.vault.erasure import finish_erasures
from infra.vault.master import FileMasterKeys
from infra.vault.store import PostgresVault
from producers.application import LedgerApplication
from producers.commands import Actor, Aggregate, Loaded, StreamCache, Task
from producers.evidence import change_ledger
from producers.governance import found_party, holder_commands
from producers.ports import CommandKey
from producers.sealer_growth import RESTORE
from producers.sealer_ports import RolledBack
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

FOUNDING_SECONDS_MAX: Final = 60.0
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Session:
    """Everything a command needs, wired once."""

    settings: Settings
    home: Home
    config: HomeConfig
    database: Database
    store: LedgerRecorder
    application: LedgerApplication
    blobs: BlobStore
    vault: PostgresVault

    @property
    def holder(self) -> Actor:
        """Return the holder as the one who acts."""
        return Actor(self.config.holder_id, ActorKind.HUMAN)

    @property
    def service(self) -> Actor:
        """Return edgeprint itself as the one who acts."""
        return Actor(self.config.service_id, ActorKind.SERVICE)

    def new_command(self, actor: Actor) -> CommandKey:
        """Return the key of a command that is new."""
        return CommandKey(actor.party, self.application.new_id())

    def load(
        self, stream_id: UUID, aggregate: Aggregate[S], *, before: int | None = None, versions: int | None = None
    ) -> Loaded[S]:
        """Return a stream as it stands, of version 0 if it does not exist; or as it stood, before a ledger index.

        `versions` cuts it to so many events. Raises: NotFound if it is a stream of another kind.
        """
        decode = self.application.codec.decode
        rows = self.store.streams([stream_id]).get(stream_id, [])[:versions]
        streams = {stream_id: [row for row in rows if before is None or row.index < before]}
        return StreamCache(streams, lambda entry: decode(entry).event).load(stream_id, aggregate)

    def seal(self) -> int:
        """Seal what is stored, here or by the sealer that runs, and return the sealed size; blocks until it is done.

        Raises: Unavailable, Invalid (a head that contradicts the log).
        """
        return seal_through(self.settings, self.home, self.config, self.database, self.store.size())


@contextmanager
def opened(settings: Settings) -> Iterator[Session]:
    """Open the ledger of the home in `settings`; the database is started if needed, and stopped again if so.

    Raises:
        NotFound: there is no ledger.
        RolledBack: the database holds less than is sealed; going on would write a second history.
        Unavailable: the database cannot be started or reached.
    """
    home = Home(settings.home)
    config = home.config()
    database = Database(settings, home, config.ledger_id)
    with database.in_use():
        database.upgrade()
        with wired(settings, home, config, database) as session:
            _refuse_older_database(session)
            _publish_new_schemas(session)
            if home.vault_keys.exists():  # no vault was ever written here otherwise
                finish_erasures(session)
            yield session


@contextmanager
def wired(settings: Settings, home: Home, config: HomeConfig, database: Database) -> Iterator[Session]:
    """Wire the parts over a database that runs; connections are closed in the end."""
    recorder = LedgerRecorder(database.dsn(WRITER))
    application = LedgerApplication(
        store=recorder,
        recorder=recorder,
        mapper=EntryMapper(),
        codec=Codec(CATALOGUE),
        ledger_id=config.ledger_id,
        clock=now_us,
        new_id=IdSource(),
    )
    try:
        vault = PostgresVault(database.dsn(VAULT), FileMasterKeys(home.vault_keys))
        yield Session(settings, home, config, database, recorder, application, BlobStore(home.blobs), vault)
    finally:
        application.close()
        recorder.close()


def found(
    settings: Settings, *, origin: str | None, prefix: str, production: bool, holder_kind: PartyKind
) -> HomeConfig:
    """Make the ledger of the home in `settings` and return its configuration; the database is left as it was.

    Raises:
        Rejected: there is one already.
        Invalid: a prefix or an origin that cannot be; a production ledger that asks for the test prefix.
        Unavailable: the disk or the database.
    """
    home = Home(settings.home)
    if home.exists():
        raise Rejected(f"there is a ledger at {home.path} already; use another --home, or `edgeprint down --purge`")
    parse_prefix(prefix, production=production)
    check_origin(origin)
    home.create()
    with FileLock(home.run / "founding.lock", timeout_s=FOUNDING_SECONDS_MAX, what=f"the founding of {home.path}"):
        if home.exists():
            raise Rejected(f"somebody else has just founded a ledger at {home.path}")
        config = home.begin_founding(_configuration(IdSource(), origin, prefix, production, holder_kind))
        keys = FileKeys(home.keys, now_s).generate(config.origin)
        write_durably(home.policy_path, keys.policy(), mode=0o644)
        database = Database(settings, home, config.ledger_id)
        with database.in_use(database.install), wired(settings, home, config, database) as session:
            _append_founding(session)
            session.seal()
            home.end_founding()
    return config


def check_origin(origin: str | None) -> None:
    """Raise Invalid where the log cannot have this name; nothing may be founded under it then."""
    if origin is not None and len(check_key_name(origin).encode()) > KEY_NAME_BYTES_MAX:
        raise Invalid(f"origin: expected at most {KEY_NAME_BYTES_MAX} bytes, found {len(origin.encode())}")


def _configuration(
    new_id: IdSource, origin: str | None, prefix: str, production: bool, holder_kind: PartyKind
) -> HomeConfig:
    ledger = new_id()
    return HomeConfig(
        format=FORMAT,
        ledger=format_id("H", ledger, prefix),
        origin=origin or f"edgeprint.local/{ledger}",
        prefix=prefix,
        production=production,
        holder=format_id("P", new_id(), prefix),
        holder_kind=holder_kind,
        service=format_id("P", new_id(), prefix),
    )


def schema_texts() -> tuple[SchemaText, ...]:
    """Return every schema of this program as it is published, founding schemas first."""
    return tuple(SchemaText(s.sha256, s.text.decode()) for s in CATALOGUE.by_type.values())


def _append_founding(session: Session) -> None:
    config = session.config
    command = FoundLedger(config.prefix, config.production, (config.origin,), schema_texts())
    actor = session.service
    session.application.execute(
        change_ledger(CommandKey(actor.party, config.ledger_id), actor, config.ledger_id, command)
    ).require()
    signer = PartyKeys(session.home.keys).first(config.holder_id, config.holder)
    proof = prove_binding(signer, config.ledger_id)
    for party, commands in (
        (config.service_id, (EnrolParty(kind=PartyKind.SERVICE),)),
        (config.holder_id, holder_commands(PartyKind(config.holder_kind), signer.vkey, proof, config.holder_id)),
    ):
        task = found_party(CommandKey(actor.party, party), actor, party, config.ledger_id, commands)
        session.application.execute(task).require()


def _refuse_older_database(session: Session) -> None:
    """Raise RolledBack where a database was restored that is older than a head that this log has signed.

    A damaged note says nothing here: the sealer and fsck report it, and entries are safe in the database.
    """
    size = session.store.size()
    for note in (
        PosixTree(session.home.tlog).checkpoint(),
        guard_of(session.settings, session.config.ledger_id).read(),
    ):
        if note is not None and unverified_size(note) > size:
            try:
                promised = policy_of(session.home).verify_checkpoint(note).size
            except Invalid:
                continue
            raise RolledBack(
                f"the database holds {size} entries, but a head of size {promised} was signed: an older backup was "
                f"restored; {RESTORE}, which takes the missing entries from the tree {session.home.tlog}"
            )


def _publish_new_schemas(session: Session) -> None:
    """Publish the schemas that a newer program has brought; nothing is read but their keys if there are none."""
    keys = [schema_key(digest) for digest in CATALOGUE.by_digest]
    if len(session.store.key_holders(keys)) < len(keys):
        command = PublishSchemas(schema_texts())
        key = session.new_command(session.service)
        task: Task[int] = change_ledger(key, session.service, LedgerId(session.config.ledger_id), command)
        session.application.execute(task).require()
