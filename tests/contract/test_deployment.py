"""The deployment files, as far as they can be held without a Docker engine; with one, the containers are used.

Everything that compose and Dockerfile name exists: commands, modules, settings, images of the tests. Each service is
unprivileged, has a healthcheck or runs once, and the wheel that the image installs holds every file that is needed.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import yaml

from infra.embedded.cluster import Cluster
from infra.kafka import jars
from infra.kafka.topics import create_topics, look_at_topics
from schemas.catalogue import CATALOGUE
from tests.containers import KAFKA_IMAGE, POSTGRES_IMAGE, ApacheKafkaContainer, PostgresContainer, engine
from tests.docs.pages import ROOT
from tests.e2e.kit import place, until

DEPLOY = ROOT / "infra" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, one in SERVICES.items() if one["image"].startswith("edgeprint"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
ENGINE = engine()
REQUIRED = "docker" in os.environ.get("EDGEPRINT_REQUIRE", "").split(",")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_unprivileged_and_watched(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0 and int(group) > 0
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "cap_add" not in service and "network_mode" not in service
    assert service["read_only"] is (name != "kafka")
    assert service["mem_limit"] and not any("docker.sock" in str(one) for one in service["volumes"])
    once = service["restart"] == "no"
    assert once or service["healthcheck"]["test"][0] == "CMD"
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_only_the_api_can_be_reached_from_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert [name for name, one in SERVICES.items() if "outside" in one["networks"]] == ["api"]
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["api"]


def test_each_waits_for_what_it_needs() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other == "found" else "service_healthy"
            assert how["condition"] == wanted, name
            assert wanted != "service_healthy" or "healthcheck" in SERVICES[other]
    assert set(SERVICES["found"]["depends_on"]) == {"postgres", "kafka"}
    assert all("found" in SERVICES[name]["depends_on"] for name in ("sealer", "projector", "relay", "api"))


@pytest.mark.parametrize("name", OURS)
def test_our_commands_modules_and_settings_exist(name: str) -> None:
    service = SERVICES[name]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for setting in service["environment"]:
        assert f"`{setting}`" in page, setting
    words = [str(word) for word in service["command"]] + [
        str(w) for w in service.get("healthcheck", {}).get("test", [])
    ]
    for module in re.findall(r"infra\.[a-z.]+", " ".join(words)):
        assert import_module(module).main
    for command in re.findall(r"edgeprint ((?:[a-z]+ ?)+)", " ".join(words)):
        argv = [sys.executable, "-m", "infra.cli.main", *command.split(), "--help"]
        options = {"capture_output": True, "text": True, "check": False}
        if "status" in command:
            argv = [*argv[:3], "status", "--help"]
        assert subprocess.run(argv, **options).returncode == 0, command  # type: ignore[call-overload]
    for required in re.findall(r"--require (\w+)", " ".join(words)):
        assert required == name


def test_compose_is_as_its_specification_says() -> None:
    """The schema is the one of compose-spec (Apache-2.0) that the package check-jsonschema brings along."""
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor"
    text = (vendored / "compose-spec.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == (vendored / "sha256" / "compose-spec.sha256").read_text().strip()
    validator = jsonschema.validators.validator_for(json.loads(text))(json.loads(text))
    validator.validate(COMPOSE)
    assert not validator.is_valid({"services": {"api": {"helthcheck": {}}}})


def test_the_superusers_password_comes_from_outside_and_reaches_only_who_needs_it() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"PASSWORD: (?!\$\{\w+:\?)", text) == []
    holders = {name for name, one in SERVICES.items() if "EDGEPRINT_POSTGRES_PASSWORD" in json.dumps(one)}
    assert holders == {"postgres", "found", "cli"}
    assert "PASSWORD" not in SERVICES["cli"]["environment"]["DATABASE_URL"], "a URL would take it apart"


def found_with(folder: Path, init: int, create: int) -> int:
    """Run the command of the service `found` over a command line whose two commands end so; return its exit code."""
    program = folder / "edgeprint"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/told\ncase $1 in init) exit {init};; topic) exit {create};; esac\n'
    )
    program.chmod(0o755)
    argv = [str(word).replace("/data", str(folder)) for word in SERVICES["found"]["command"]]
    environ = {"PATH": f"{folder}:{os.environ['PATH']}", "EDGEPRINT_INIT_OPTIONS": "--production --prefix 10.1234"}
    return subprocess.run(argv, env=environ, check=False, timeout=30).returncode


def test_nothing_starts_behind_a_founding_that_failed(tmp_path: Path) -> None:
    assert found_with(tmp_path, init=0, create=0) == 0
    assert (tmp_path / "told").read_text() == "init --production --prefix 10.1234\ntopic create\n"
    assert found_with(tmp_path, init=5, create=0) == 5
    assert found_with(tmp_path, init=0, create=1) == 1
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.json").write_text("{}")
    assert found_with(tmp_path, init=7, create=0) == 0, "a ledger that is there is not founded again"


AWKWARD = "p@ss/w:rd#1 %sure"


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[str]:
    """The connection string, without a password, of a server that asks everybody for one."""
    cluster = Cluster.open(tmp_path / "server", "edgeprint-test-asking")
    try:
        cluster.create()
        cluster.start()
        dsn = cluster.superuser_dsn()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE postgres PASSWORD '{AWKWARD}'".encode())
            (hba,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            Path(hba).write_text("local all all scram-sha-256\n")
            connection.execute("SELECT pg_reload_conf()")
        until(lambda: not connects(dsn), "the server asks for a password")
        yield dsn
    finally:
        cluster.purge()


def connects(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_sealer_needs_no_password_of_the_superuser(asking: str) -> None:
    """As in compose: PGPASSWORD, whatever is in it, for founding and taking in; the sealer has a role of its own."""
    with place(environ={"DATABASE_URL": asking, "PGPASSWORD": AWKWARD}) as made:
        made.init()
        environ = {name: value for name, value in made.environ.items() if name != "PGPASSWORD"}
        argv = [sys.executable, *map(str, SERVICES["sealer"]["command"][1:-1]), str(made.home)]
        with subprocess.Popen(argv, cwd=ROOT, env=environ, stderr=subprocess.PIPE) as process:
            try:
                until(lambda: made.run("status", "--require", "sealer").code == 0, "the sealer is at work")
                made.run("identify", made.write("a.txt", "a").parent).ok()
                state = made.run("status", "--json").ok().json
                assert state["ledger_size"] == state["sealed_size"] > 0
            finally:
                process.terminate()
                process.communicate(timeout=30)


def test_images_are_pinned_and_those_of_the_tests() -> None:
    assert SERVICES["kafka"]["image"] == KAFKA_IMAGE and SERVICES["postgres"]["image"] == POSTGRES_IMAGE
    broker = next(jar for jar in jars.read_lock(jars.LOCK.read_text()) if jar.artifact == "kafka_2.13")
    assert KAFKA_IMAGE.endswith(f":{broker.version}")
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2 and len(set(bases)) == 1 and bases[0].startswith("python:3.11")


def test_the_last_stage_of_the_image_builds_nothing_and_runs_as_nobody_special() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert not re.search(r"pip install|apt|gcc|build-essential", last)
    assert "--no-compile" not in DOCKERFILE, "a read-only image never makes bytecode itself: each healthcheck would"
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE) and "HEALTHCHECK" in last
    assert {SERVICES[name]["user"] for name in OURS} == {"10001:10001"}
    for setting in ("EDGEPRINT_HOME", "EDGEPRINT_STATE"):
        assert f"{setting}=" in last


def test_the_context_of_the_build_holds_what_the_wheel_is_made_of_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert kept >= {"pyproject.toml", "constraints.txt", "README.md"}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"\[tool\.hatch\.build\.targets\.wheel\]\npackages = \[(.*?)\]", project)
    assert packages is not None
    assert kept - {"pyproject.toml", "constraints.txt", "README.md"} == set(re.findall(r'"(\w+)"', packages[1]))


def test_the_wheel_that_the_image_installs_holds_every_file_that_is_needed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"schemas/{schema.file}" for schema in CATALOGUE.by_type.values()} <= names
    assert {"infra/deploy/kafka/jars.lock", "infra/deploy/kafka/log4j2.properties", "schemas/digests.json"} <= names
    migrations = {f"infra/store/migrations/{path.name}" for path in (ROOT / "infra/store/migrations").glob("*.sql")}
    assert migrations and migrations <= names
    assert not any(name.startswith(("tests/", "docs/", "bench/")) for name in names)


def test_require_says_whether_a_process_is_at_work() -> None:
    with place() as made:
        made.init()
        for name in ("sealer", "projector", "relay", "api"):
            absent = made.run("status", "--require", name)
            assert absent.code == 5 and f"expected the {name} to be at work" in absent.err
        made.run("up", "--no-kafka").ok()
        try:
            made.run("status", *(f"--require={name}" for name in ("sealer", "projector", "api")), "--json").ok()
            assert made.run("status", "--require", "sealer", "--require", "relay").code == 5
        finally:
            made.run("down").ok()
        assert made.run("status", "--require", "api").code == 5
        assert made.run("status", "--require", "nothing").code == 2


def test_the_same_on_containers() -> None:
    """Topics, relay and verification against Apache's own image and PostgreSQL's, where an engine answers."""
    if ENGINE is None:
        if REQUIRED:
            pytest.fail("EDGEPRINT_REQUIRE names docker, and no Docker engine answers")
        pytest.skip("no Docker engine answers; EDGEPRINT_REQUIRE=docker makes this a failure")
    with ExitStack() as stack:
        kafka = stack.enter_context(ApacheKafkaContainer())
        postgres = stack.enter_context(PostgresContainer("only-for-tests"))

        def made_topics() -> bool:
            try:
                create_topics(kafka.bootstrap)
            except Exception:
                return False
            return True

        until(made_topics, "the broker answers", 120)
        assert all(found.wrong is None for found in look_at_topics(kafka.bootstrap))
        environ = {"DATABASE_URL": postgres.url, "EDGEPRINT_KAFKA_BOOTSTRAP": kafka.bootstrap}
        with place(environ=environ) as made:
            made.init()
            made.run("up").ok()
            try:
                made.run("identify", made.write("a.txt", "a").parent).ok()
                size = made.run("ledger", "status", "--json").ok().json["sealed_size"]
                made.run("topic", "verify", "--at-least", str(size)).ok()
            finally:
                made.run("down").ok()
