"""What a benchmark needs is said before it measures; and a server of it that fails says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.load.needed import check_needed
from benchmarks.load.process import ServerFailedError
from benchmarks.load.served import served_gateway


def test_what_is_there_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "strawberry", None)
    check_needed("sh", extras=["redis"])
    with pytest.raises(SystemExit) as caught:
        check_needed("sh", "no-such-program", extras=["redis", "strawberry"])
    assert str(caught.value).splitlines() == [
        "missing: no-such-program (sh scripts/system-packages.sh nginx redis valgrind wrk)",
        "not installed: strawberry (pip install 'compiled-graphql-gateway[strawberry]')",
    ]


def test_quotas_says_at_once_that_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setattr("benchmarks.commands.measure_quotas", lambda *_: pytest.fail("it measures"))
    monkeypatch.setattr(sys, "argv", ["benchmarks", "quotas"])
    with pytest.raises(SystemExit, match=r"compiled-graphql-gateway\[redis\]"):
        main()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    wrong = served_gateway(tmp_path, 1, more="[no_such_table]\na = 1\n", cpu=None)
    with pytest.raises(ServerFailedError, match=r"gateway\.toml:\d+: .*no_such_table"), wrong:
        pytest.fail("it was started")
