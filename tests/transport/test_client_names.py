"""The name and version that a client gives itself: shown in terminals, logs and reports, and so printable."""

from __future__ import annotations

import pytest

from gateway.transport.http.head import MAX_CLIENT_NAME, client_names


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("web app 2.1 (ü)", "web app 2.1 (ü)"),
        ("a\x1b[31m\nb\x00", "a\ufffd[31m\ufffdb\ufffd"),
        ("\x9bcsi \u202erevo", "\ufffdcsi \ufffdrevo"),
        ("half \ud800", "half \ufffd"),
        ("", None),
    ],
)
def test_what_is_no_printable_character_is_replaced(given: str, shown: str | None) -> None:
    headers = {"graphql-client-name": given, "graphql-client-version": given}
    assert client_names(headers) == (shown, shown)


def test_long_names_are_cut() -> None:
    name, _ = client_names({"apollographql-client-name": "n" * 10_000})
    assert name == "n" * MAX_CLIENT_NAME
