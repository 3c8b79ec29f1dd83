"""The small rooms of infra: settings, home, output, reasons, doctor, the plain form of events."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from domain.errors import Conflict, Invalid, LedgerError, NotFound, Rejected, Unavailable
from domain.events import Sha256
from domain.identity.digital_object import DigitalObject, Status
from domain.identity.events import Cell, Element, IntakeSource, Level, Origin, TraceSetJudged
from domain.ids import RANDOM_BYTES, format_id, uuid7
from infra.cli.output import Words, exit_code, size_text
from infra.cli.reasons import reason_text
from infra.clock import IdSource, now_us
from infra.doctor import examine
from infra.home import FORMAT, Home, HomeConfig
from infra.log import plain, time_text
from infra.settings import read_settings


def config(ledger: int = 1) -> HomeConfig:
    def name(letter: str, number: int) -> str:
        return format_id(letter, uuid7(1_760_000_000_000_000, number.to_bytes(RANDOM_BYTES, "big")), "10.5072")

    return HomeConfig(
        format=FORMAT,
        ledger=name("H", ledger),
        origin="example.org/log",
        prefix="10.5072",
        production=False,
        holder=name("P", 2),
        holder_kind="person",
        service=name("P", 3),
    )


# ---- settings


def test_arguments_go_before_the_environment_and_the_environment_before_defaults(tmp_path: Path) -> None:
    environ = {
        "EDGEPRINT_HOME": str(tmp_path / "env"),
        "EDGEPRINT_STATE": str(tmp_path / "state"),
        "LANG": "en_GB.UTF-8",
    }
    settings = read_settings(environ)
    assert (settings.home, settings.state, settings.lang) == (tmp_path / "env", tmp_path / "state", "en")
    assert settings.database_url is None
    assert read_settings(environ, home=tmp_path / "arg").home == tmp_path / "arg"
    assert read_settings({}).home.name == "edgeprint"


@pytest.mark.parametrize(
    ("environ", "lang", "spoken"),
    [
        ({"LANG": "zh_CN.UTF-8"}, None, "zh"),
        ({"LANG": "C.UTF-8", "LC_ALL": "zh_TW"}, None, "zh"),
        ({"LANG": "zh_CN", "EDGEPRINT_LANG": "en"}, None, "en"),
        ({"LANG": "zh_CN"}, "en", "en"),
        ({}, None, "en"),
        ({"LANG": "fr_FR"}, None, "en"),
    ],
)
def test_language(environ: dict[str, str], lang: str | None, spoken: str) -> None:
    assert read_settings(environ, lang=lang).lang == spoken


def test_a_relative_home_is_made_absolute() -> None:
    assert read_settings({}, home=Path("here")).home.is_absolute()


# ---- home


def test_a_home_is_whole_only_when_its_founding_has_ended(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    assert home.begin_founding(config()) == config()
    assert not home.exists()
    with pytest.raises(NotFound, match="edgeprint init"):
        home.config()
    assert home.begin_founding(config(ledger=9)) == config(), "an interrupted founding goes on as the same ledger"
    assert home.founding_or_config() == config()
    home.end_founding()
    assert home.exists() and home.config() == config() == home.founding_or_config()


def test_a_home_is_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home.path, home.keys, home.tlog, home.blobs, home.run))


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"format": "x"}', b"\xff", b'{"format":"edgeprint/home/2"}'])
def test_a_damaged_configuration_is_named(tmp_path: Path, damage: bytes) -> None:
    home = Home(tmp_path)
    home.config_path.write_bytes(damage)
    with pytest.raises(Invalid, match=r"config\.json"):
        home.config()


def test_another_format_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_path.write_text(json.dumps({**asdict(config()), "format": "edgeprint/home/2"}))
    with pytest.raises(Invalid, match="expected format edgeprint/home/1, found edgeprint/home/2"):
        home.config()


def test_a_place_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="file"):
        Home(tmp_path / "file" / "home").create()


# ---- output


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("x"), 3), (Rejected("x"), 7), (Invalid("x"), 1), (Conflict("x"), 6), (Unavailable("x"), 5)],
)
def test_exit_codes(error: LedgerError, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_of_no_known_class_is_a_crash() -> None:
    assert exit_code(LedgerError("x")) == 70


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (4 << 30, "4.3 GB")],
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert size_text(size) == text


# ---- reasons


def judged(origin: Origin) -> TraceSetJudged:
    cell = Cell(element=Element.MODEL, required=Level.DECLARED, found=Level.MISSING)
    return TraceSetJudged(origin=origin, intake_source=IntakeSource.CREATION, cells=(cell,))


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.UNSPECIFIED])
@pytest.mark.parametrize("element", [element for element in Element if element is not Element.UNSPECIFIED])
def test_every_reason_has_words_in_both_languages(origin: Origin, element: Element) -> None:
    state = DigitalObject(status=Status.QUARANTINED, judged=judged(origin), lacking=(element,), clause="clause")
    chinese, english = reason_text(state, Words("zh")), reason_text(state, Words("en"))
    assert "缺少" in chinese and not any(word in chinese for word in (str(element), str(origin)))
    assert "missing" in english and english.isascii()


def test_an_import_that_lacks_nothing_waits_for_a_human() -> None:
    state = DigitalObject(status=Status.QUARANTINED, judged=judged(Origin.IMPORTED))
    assert "human" in reason_text(state, Words("en"))
    assert "由人解除" in reason_text(state, Words("zh"))


def test_the_admitted_need_no_reason_and_the_rejected_have_their_clause() -> None:
    assert reason_text(DigitalObject(status=Status.ADMITTED, judged=judged(Origin.CAPTURED)), Words("en")) == ""
    rejected = DigitalObject(status=Status.REJECTED, judged=judged(Origin.CAPTURED), clause="sha256 differs")
    assert reason_text(rejected, Words("zh")) == "sha256 differs"


# ---- clock and ids


def test_ids_are_new_and_carry_the_time() -> None:
    source = IdSource()
    before = now_us() // 1000
    ids = [source() for _ in range(2_000)]
    assert len(set(ids)) == len(ids)
    assert all(before <= (i.int >> 80) <= now_us() // 1000 for i in ids)
    assert all(i.version == 7 for i in ids)


# ---- doctor and plain values


def test_doctor_finds_what_is_there_and_advises_where_it_is_not(tmp_path: Path) -> None:
    settings = read_settings({"EDGEPRINT_HOME": str(tmp_path / "home"), "EDGEPRINT_STATE": str(tmp_path / "state")})
    findings = {finding.check: finding for finding in examine(settings)}
    assert set(findings) == {"python", "postgresql", "java", "kafka", "home", "keys", "disk", "clock", "sm3"}
    assert all(finding.ok for finding in findings.values())
    assert "none runs here" in findings["kafka"].found and "jars of Apache Kafka are cached" in findings["java"].found
    lacking = {finding.check: finding for finding in examine(replace(settings, java="/nowhere/java"))}
    assert not lacking["java"].ok and "--no-kafka" in lacking["java"].advice
    home = Home(settings.home)
    home.create()
    home.begin_founding(config())
    home.end_founding()
    home.path.chmod(0o755)
    findings = {finding.check: finding for finding in examine(settings)}
    assert not findings["home"].ok and "chmod 700" in findings["home"].advice
    assert not findings["keys"].ok and "log-ed25519" in findings["keys"].found


def test_values_of_events_become_plain_json() -> None:
    cell = Cell(element=Element.MODEL, required=Level.DECLARED, found=Level.MISSING, evidence=Sha256(b"\x01" * 32))
    assert plain(cell) == {"element": "model", "required": "declared", "found": "missing", "evidence": "01" * 32}
    assert plain((UUID(int=7), None, True, 3)) == ["00000000-0000-0000-0000-000000000007", None, True, 3]
    assert time_text(int(datetime(2026, 11, 23, 4, 5, 6, 789_000, UTC).timestamp() * 1_000_000)) == (
        "2026-11-23T04:05:06.789Z"
    )
