"""What access lines may leave out is what they have."""

from __future__ import annotations

import json
from typing import get_args

from gateway.telemetry.settings import AccessMember
from tests.cli.command import ROOT


def test_members_that_may_be_omitted_are_members_of_the_line() -> None:
    schema = json.loads((ROOT / "docs" / "log-line.schema.json").read_text())
    (line,) = [kind for kind in schema["oneOf"] if kind["title"] == "Access line"]
    assert set(get_args(AccessMember)) <= line["properties"].keys() - set(line["required"])
