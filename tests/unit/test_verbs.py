"""Verbs are made of commands: each field is an option, each secret a file, and nothing is asked twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from typer._click.formatting import HelpFormatter
from typer.core import TyperGroup

from docs.registry import registry_page
from domain.errors import Invalid
from domain.ids import PartyId, parse_party_id
from infra.cli.command import giver_options, read_secrets
from infra.cli.main import app
from infra.cli.verbs import (
    BY_HAND,
    SHARED,
    SUMMARIES,
    VERB_OF,
    VerbGroup,
    _is_document,
    _json,
    _secret,
    _singular,
    summaries,
)
from infra.governance.given import Given, Giver
from producers.registry import REGISTRY
from schemas.requests import request_record
from schemas.shapes import REQUIRED, Array, Optional

HOLDER = PartyId(UUID(int=7))
registry_page()  # asks every group for its verbs


def verbs() -> Iterator[tuple[str, Any]]:
    root = typer.main.get_command(app)
    for name, path in VERB_OF.items():
        found: Any = root
        for part in path.split():
            found = found.commands[part]
        yield name, found


VERBS = dict(verbs())


def test_every_command_has_a_verb() -> None:
    every = [*VERB_OF, *BY_HAND]
    assert sorted(every) == sorted(spec.command.NAME for spec in REGISTRY)
    assert len({*VERB_OF.values(), *BY_HAND.values()}) == len(every), "no two commands have one verb"


def groups() -> dict[str, VerbGroup]:
    root: Any = typer.main.get_command(app)
    return {name: group for name, group in root.commands.items() if isinstance(group, VerbGroup)}


@pytest.mark.parametrize("name", sorted(groups()))
def test_the_help_of_a_group_lists_its_commands_and_makes_none(name: str) -> None:
    group = groups()[name]
    listed, real = HelpFormatter(width=100), HelpFormatter(width=100)
    with typer.Context(group) as context:
        group.format_commands(context, listed)
        assert group._filled is None
        TyperGroup(name=name, commands=dict(group.commands)).format_commands(context, real)
    assert listed.getvalue() == real.getvalue()
    assert all(f"  {verb} " in listed.getvalue() for verb in group.commands)


def test_what_stands_of_the_groups_is_what_they_are() -> None:
    assert SUMMARIES.read_text(encoding="utf-8") == summaries(typer.main.get_command(app))


@pytest.mark.parametrize("name", sorted(VERBS))
def test_its_options_are_the_fields_of_its_command(name: str) -> None:
    spec, verb = REGISTRY.find(name), VERBS[name]
    given = {parameter.name: parameter for parameter in verb.params if parameter.name not in (*SHARED, "help")}
    fields = {field.name: field for field in request_record(spec.command).fields}
    assert set(given) == set(fields)
    for field_name, field in fields.items():
        parameter = given[field_name]
        shape = field.shape.inner if isinstance(field.shape, Optional) else field.shape
        assert parameter.required == (field.default is REQUIRED), field_name
        if parameter.param_type_name == "argument":
            continue
        several = isinstance(shape, Array) and not _is_document(shape)
        assert parameter.multiple == several
        option = _singular(field_name) if several else field_name.replace("_", "-")
        assert parameter.opts == [f"--{option}"]
        assert field.doc in parameter.help
        if field_name in spec.secrets:
            assert "a file of text, or of JSON" in parameter.help
        if _is_document(shape):
            assert parameter.help.endswith(": a JSON file")


@pytest.mark.parametrize("name", sorted(VERBS))
def test_it_takes_what_every_verb_takes(name: str) -> None:
    options = {option for parameter in VERBS[name].params for option in parameter.opts}
    assert {"--as", "--on-behalf-of", "--id", "--dry-run", "--home", "--json", "--lang"} <= options
    assert VERBS[name].help == (REGISTRY.find(name).command.__doc__ or "").strip()


def test_objects_and_lists_of_them_are_given_as_json_files(tmp_path: Path) -> None:
    documents = {
        (name, field.name)
        for name in VERBS
        for field in request_record(REGISTRY.find(name).command).fields
        if _is_document(field.shape)
    }
    scoped = {(name, "scope") for name in ("record-grant", "offer-licence", "request-licence")}
    assert documents == {*scoped, ("claim-rights", "owners")}
    file = tmp_path / "owners.json"
    file.write_text('[{"party": "x", "share_bp": 10000}]\n')
    assert _json(file) == [{"party": "x", "share_bp": 10_000}]
    file.write_text('[{"party": 1, "party": 2}]')
    with pytest.raises(Invalid, match=r"owners.json: "):
        _json(file)


class TestSecrets:
    """A value comes from a file, as text or as JSON."""

    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("prompt.txt", "夜景\n", "夜景"),
            ("prompt.txt", "two lines\nof it\n\n", "two lines\nof it\n"),
            ("prompt", '{"a": 1}', '{"a": 1}'),
            ("price.json", '{"currency": "CNY", "minor": 1200}\n', {"currency": "CNY", "minor": 1200}),
        ],
    )
    def test_what_a_file_holds(self, tmp_path: Path, name: str, text: str, value: Any) -> None:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        assert _secret(file) == value

    def test_broken_json_is_named_by_its_place_and_not_repeated(self, tmp_path: Path) -> None:
        file = tmp_path / "price.json"
        file.write_text('{"minor": 73001193,}')
        with pytest.raises(Invalid, match=r"price.json: not JSON: .* line 1") as caught:
            _secret(file)
        assert "73001193" not in str(caught.value)

    def test_secrets_of_a_command_are_an_object(self) -> None:
        assert read_secrets(json.dumps({"prompt": "x"}).encode()) == {"prompt": "x"}
        for wrong in (b"[]", b"3", b"{", b"\xff"):
            with pytest.raises(Invalid, match="secrets: "):
                read_secrets(wrong)


def test_who_gives_a_command_stands_in_three_options() -> None:
    new = [UUID(int=1), UUID(int=2)]
    nobody = giver_options(None, None, None)
    assert nobody == Giver()
    ids = iter(new)
    assert [nobody.given(HOLDER, lambda: next(ids)).command_id for _ in new] == new
    assert nobody.given(HOLDER, lambda: new[0]) == Given("", b"", HOLDER, new[0])
    text = "10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D"
    said = giver_options(text, text, str(new[1]))
    made = said.given(HOLDER, lambda: new[0], "enrol-party", b"{}")
    assert made == Given("enrol-party", b"{}", parse_party_id(text), new[1], parse_party_id(text))
    for options in ((text, None, "one"), (text, None, ""), ("P1", None, None), (None, "P1", None)):
        with pytest.raises(typer.BadParameter, match="expected a"):
            giver_options(*options)
