"""An object as the body of a form, as connectors write one or as PHP does.

It must evaluate no mapping: the value is there already.

Source: connectors.md §11.3.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from gateway.connectors.mapping.values import scalar_text
from gateway.connectors.php.query import php_query
from gateway.connectors.request.url import CannotWriteError


def form_body(value: Any, name: str, *, is_php: bool = False) -> bytes:
    """An object as a form: `a[b]=c&d[0]=e`. §11.3, or as PHP's http_build_query() writes it.

    Errors: CannotWriteError for anything but an object.
    """
    if not isinstance(value, dict):
        raise CannotWriteError(f"the form body of {name} must be an object")
    if is_php:
        try:
            return php_query(value).encode("ascii")
        except ValueError as exc:
            raise CannotWriteError(f"the form body of {name}: {exc}") from exc
    pairs: list[str] = []
    for key, item in value.items():
        _form_pairs(key, item, pairs)
    return "&".join(pairs).encode("ascii")


def _form_pairs(key: str, value: Any, pairs: list[str]) -> None:
    if isinstance(value, dict):
        for inner, item in value.items():
            _form_pairs(f"{key}[{inner}]", item, pairs)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _form_pairs(f"{key}[{index}]", item, pairs)
    else:
        text = scalar_text(value)
        if text is None:
            raise CannotWriteError(f"the form's member {key} has no text")
        pairs.append(f"{_form_text(key)}={_form_text(text)}")


def _form_text(text: str) -> str:
    # `quote_plus` leaves `~`, which the form encoding does not, and encodes `*`, which it does.
    return quote_plus(text, safe="*", errors="surrogatepass").replace("~", "%7E")
