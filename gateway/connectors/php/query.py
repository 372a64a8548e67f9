"""Parameters and forms as PHP's `http_build_query()` writes them, so that `$_GET` and `$_POST` have them as they were.

True is 1 and false is 0, null is left out, lists and objects have brackets: `ids[0]=1&ids[1]=2`.

Source: PHP 8.2, ext/standard/http.c, checked against PHP itself by tests.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from gateway.connectors.mapping.values import scalar_text


def php_query(members: dict[str, Any]) -> str:
    """An object as a query string or a form body.

    Shape: a name that ends with `[]` is the author's own bracket: its list repeats it.
    Errors: ValueError for a value that has no text.
    """
    pairs: list[str] = []
    for name, value in members.items():
        if name.endswith("[]") and value.__class__ is list:
            for item in value:
                _pairs(name, item, pairs)
        else:
            _pairs(name, value, pairs)
    return "&".join(pairs)


def php_text(value: Any) -> str:
    """A scalar as PHP writes it into a query: 1 and 0 for true and false, no `.0`.

    Errors: ValueError for what has no text.
    """
    if value is True:
        return "1"
    if value is False:
        return "0"
    if value.__class__ is float and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = scalar_text(value)
    if text is None:
        raise ValueError("a value has no text")
    return text


def encode(text: str) -> str:
    """Percent-encode as PHP's urlencode()."""
    return quote_plus(text, errors="surrogatepass").replace("~", "%7E")


def _pairs(name: str, value: Any, pairs: list[str]) -> None:
    if value is None or value is ...:
        return
    if value.__class__ is dict:
        for key, item in value.items():
            _pairs(f"{name}[{key}]", item, pairs)
    elif value.__class__ is list:
        for index, item in enumerate(value):
            _pairs(f"{name}[{index}]", item, pairs)
    else:
        pairs.append(f"{encode(name)}={encode(php_text(value))}")
