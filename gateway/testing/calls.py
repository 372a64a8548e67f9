"""One call that a played backend got."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class FakeCall:
    """A request to a backend.

    Attributes:
        method: Upper case.
        url: As it was sent, with scheme and host.
        path: The URL's path and query, `/users?ids=1,2`.
        headers: By lower-case name; several of one name are joined with `, `.
        body: b"" when there was none.
        params: What stood at the `{names}` of the rule that answered it.
    """

    method: str
    url: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The body's value. Errors: ValueError when it is no JSON."""
        return json.loads(self.body)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the URL; the last of several with one name."""
        return dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
