"""The base URLs of sources, their expressions evaluated once, when connectors are bound.

It must read nothing of a request: `$config` and `$env` are all that there is.

Source: connectors.md §2.2, §9.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.connectors.directives import Directives, SourceDirective
from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.mapping.values import scalar_text
from gateway.connectors.request.url import (
    CREDENTIALS,
    INSTEAD,
    CannotWriteError,
    encode,
    parse_template,
)
from gateway.errors import ConfigError
from gateway.graph.sdl import place_of
from gateway.settings.urls import has_credentials
from gateway.upstream.settings import SourceSettings

_BEHIND_HOST = re.compile("https?://[^/?#]*[/?#]", re.IGNORECASE)


def base_urls(
    directives: Directives,
    sources: Mapping[str, SourceSettings],
    config: Mapping[str, Any],
    env: Mapping[str, str],
) -> dict[str, str]:
    """The base URL of each source: what the configuration has, or what its directive says.

    Errors: ConfigError with the place of one that cannot be written, or that has credentials.
    """
    found: dict[str, str] = {}
    for source in directives.sources:
        configured = sources.get(source.name, SourceSettings()).url
        try:
            base_url = configured or evaluate_base_url(source, directives.spec, config, env)
        except (CannotWriteError, MappingSyntaxError) as exc:
            file, line, column = place_of(source.node)
            key = f"@source {source.name}"
            raise ConfigError(str(exc), key=key, file=file, line=line, column=column) from exc
        if has_credentials(base_url):
            key = f"sources.{source.name}.url" if configured else f"@source {source.name}"
            file, line, _ = (None, None, None) if configured else place_of(source.node)
            raise ConfigError(CREDENTIALS, key=key, file=file, line=line, hint=INSTEAD)
        found[source.name] = base_url
    return found


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
