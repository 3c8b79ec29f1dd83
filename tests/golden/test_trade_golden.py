"""The golden plan and statements are what is written today, and are read again."""

import csv
import io
import json

import pytest
import rfc8785

from domain.rights.plan import read_plan
from domain.rights.settlement import settle
from domain.rights.statement import read_statement
from tests.golden.trade.make_golden import AMOUNT, FOLDER, PREFIX, golden, plan, statement

FILES = golden()


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_what_is_written_today(file: str) -> None:
    assert (FOLDER / file).read_bytes() == FILES[file]


def test_no_other_file_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"} == set(FILES)


def test_plan_and_statement_are_read_again() -> None:
    found = json.loads((FOLDER / "plan.json").read_bytes())
    assert read_plan(found, PREFIX) == plan() and rfc8785.dumps(found) == FILES["plan.json"]
    assert read_statement(json.loads((FOLDER / "statement.json").read_bytes()), PREFIX) == statement()


def test_the_plan_pays_what_a_person_computes() -> None:
    found = read_plan(json.loads((FOLDER / "plan.json").read_bytes()), PREFIX)
    assert [line.minor for line in settle(found, AMOUNT).lines] == [98_766, 15_740, 5_247, 2_222, 1_482]


def test_what_was_reversed_or_erased_is_said() -> None:
    rows = list(csv.DictReader(io.StringIO((FOLDER / "settlement.csv").read_text(encoding="utf-8"))))
    assert [row["minor"] for row in rows] == ["98766", "15740", "5247", "2222", "erased"]
    assert rows[0]["amount"] == "987.66" and rows[4]["amount"] == "erased"
    mine = list(csv.DictReader(io.StringIO((FOLDER / "party.csv").read_text(encoding="utf-8"))))
    assert [(row["minor"], row["reversed"]) for row in mine] == [("2222", "yes"), ("7", "no")]
    page = (FOLDER / "party.zh.html").read_text(encoding="utf-8")
    assert "CNY 22.22 · 已冲回" in page and 'class="money">CNY 0.07</td></tr></tfoot>' in page


@pytest.mark.parametrize("file", [name for name in FILES if name.endswith(".html")])
def test_a_page_reaches_for_nothing_outside(file: str) -> None:
    page = FILES[file].decode()
    for word in ("http", "<script", "src=", "href=", "url(", "@import", "<link", "<img"):
        assert word not in page
    assert "@page { size: A4" in page and page.startswith("<!doctype html>")
