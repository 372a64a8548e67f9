"""The base URL of a source, its expressions evaluated once, when connectors are bound.

It must read nothing of a request: `$config` and `$env` are all that there is.

Source: connectors.md §2.2, §9.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.connectors.directives import SourceDirective
from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.values import scalar_text
from gateway.connectors.request.url import CannotWriteError, encode, parse_template

_BEHIND_HOST = re.compile("https?://[^/?#]*[/?#]", re.IGNORECASE)


def evaluate_base_url(
    source: SourceDirective, spec: str, config: Mapping[str, Any], env: Mapping[str, str]
) -> str:
    """A source's base URL with its `$config` and `$env` expressions written. §2.2, §9.3

    A value is encoded behind the host, as in any template; before that it may be a host, or a whole URL.

    Errors: MappingSyntaxError, CannotWriteError.
    """
    parts = parse_template(source.base_url.value, spec)
    variables = {"config": config, "env": env}
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            value = compile_mapping(part.selection, source.name)(None, variables)
            plain = "" if value is ... else scalar_text(value)
            if plain is None:
                raise CannotWriteError(f"baseURL of {source.name} gives a list or an object")
            text += encode(plain, source.name) if _BEHIND_HOST.match(text) else plain
    return text
