"""Failpoints act when and where they are told, and otherwise do nothing."""

import os
import signal
import subprocess
import sys

import pytest

from infra.failpoints import VARIABLE, FailpointError, Failpoints


def test_nothing_is_switched_on_by_default() -> None:
    Failpoints("")("append.sent")


def test_a_point_raises_at_its_passage_and_from_then_on() -> None:
    points = Failpoints("a=raise@3, b=raise")
    points("a")
    points("a")
    points("other")
    for name in ("a", "b", "a"):
        with pytest.raises(FailpointError, match=name):
            points(name)


@pytest.mark.parametrize("setting", ["a", "a=", "=kill", "a=explode", "a=kill@", "a=kill@x"])
def test_a_wrong_setting_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=VARIABLE):
        Failpoints(setting)


def test_kill_kills() -> None:
    code = "from infra.failpoints import failpoint; failpoint('x'); print('alive')"
    environment = {**os.environ, VARIABLE: "x=kill"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == b""
