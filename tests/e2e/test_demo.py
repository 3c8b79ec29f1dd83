"""`edgeprint demo`: the story comes out as told, twice, in both languages; `test_canaries` tells it of other files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILM_FILES = 11
OWN_WORKS = 7
RIGHTS = (
    "8. Rights and trade",
    "valid  film\n",
    "title G-novel  author 70.00 %, co-author 30.00 %",
    "territory: granted CN, HK; asked US; beyond: US",
    "✗ natures: granted research; asked commercial; beyond: commercial",
    "a commercial licence of it is refused, on record (entry ",
    "grant R-research: natures: granted research; asked commercial; beyond: commercial",
    "its token shows uses and territory alone and is valid offline",
    "ride    park       CNY 69,120.26",
    "film    studio     CNY 14,688.06",
    "novel   author      CNY 1,814.41",
    "novel   co-author     CNY 777.60",
    "total      CNY 86,400.33",
    "3 objects rest on it, 1 directly, Merkle root of the list",
    "trailer  valid      invalid",
    "counter-notice received  Civil Code, art. 1196 par. 1",
    "decided  Civil Code, art. 1194",
)
RIGHTS_ZH = (
    "八、权利与交易",
    "地域：授予 CN、HK；请求 US；超出：US",
    "使用性质：授予科研；请求商业；超出：商业",
    "许可凭证只披露用途与地域，离线核验有效",
    "CNY 86,400.33，经两级衍生分到分",
    "演员撤回同意：受影响 3 件，其中直接 1 件",
    "收到不侵权声明  《民法典》第一千一百九十六条第一款",
)
"""What the step of rights says, in both languages: 86,400.33 over a ride, a film and a novel of two authors."""


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGEPRINT_HOME": str(home), "EDGEPRINT_STATE": str(home.parent / "state")}
    environment.pop("EDGEPRINT_LANG", None)
    command = [sys.executable, "-m", "infra.cli.main", "demo", *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo") / "home"
    yield folder
    environment = {**os.environ, "EDGEPRINT_HOME": str(folder), "EDGEPRINT_STATE": str(folder.parent / "state")}
    command = [sys.executable, "-m", "infra.cli.main", "down", "--purge", "--yes"]
    subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, timeout=120, check=True)


def test_the_story_twice_and_in_both_languages(home: Path) -> None:
    nothing = str(home.parent / "no-package-here")
    first = demo(home, "--photographs", nothing, "--lang", "en")
    assert first.returncode == 0, first.stderr
    told = first.stdout
    assert "1. A ledger is founded: 10.5072/H." in told
    assert f"3. The director claims {OWN_WORKS} works" in told
    assert "no photographs" in told, "a package that is missing is said aloud and stops nothing"
    assert f"4. {FILM_FILES} identified: 10 admitted, 1 quarantined, 0 rejected; 1 of them were here before" in told
    assert "external model service; missing or too weak: parameters; environment or device; job or session" in told
    assert "9. Sealed:" in told and "10. Proved offline: entry" in told
    assert "11. Tampered: one bit flipped in tile/entries/" in told and "names entry" in told
    assert "12. Subscribed: a real Apache Kafka is started" in told
    assert "checked with the policy file alone: every entry once, the root as signed" in told

    for party in ("studio", "guild", "court", "model vendor", "auditor", "agent"):
        assert f"  {party}\n" in told
    assert "drafted by the studio, read, approved and activated by the guild" in told
    assert told.count("scanned, 4 tests run, graded G0 and listed by the guild") == 2 and "suspended" in told
    assert "lift-quarantine denied: left to humans, found agent" in told
    assert "who brought the object cannot clear it" in told
    assert "opened for the auditor, on record: 夜里的水闸" in told
    assert "EraseSubject refused: legal holds bind" in told and "whose prompt was erased" in told

    for line in RIGHTS:
        assert line in told, line

    second = demo(home, "--photographs", nothing, "--lang", "zh")
    assert second.returncode == 0, second.stderr
    assert "接着用已有的账本" in second.stdout
    assert f"共 {FILM_FILES} 件：准入 10，隔离 1，拒绝 0，其中重复 {FILM_FILES}" in second.stdout
    assert "外部模型服务生成，缺少：参数摘要、环境或设备、作业或场次与时间" in second.stdout
    assert "校验失败并指出第" in second.stdout
    for line in RIGHTS_ZH:
        assert line in second.stdout, line
    assert "只凭信任策略核对：每条都在、只有一次、树根与签名一致" in second.stdout


def test_what_the_story_left_behind_is_a_tree_that_a_stranger_can_check(home: Path) -> None:
    assert (home / "tlog" / "checkpoint").is_file() and (home / "policy").is_file()
    proofs = sorted((home / "proof").glob("*.tlog-proof"))
    assert proofs
    command = ["ledger", "verify-proof", str(proofs[0]), "--policy", str(home / "policy")]
    command += ["--entry", str(proofs[0].with_suffix(".entry")), "--json"]
    answer = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert json.loads(answer.stdout)["valid"] is True
