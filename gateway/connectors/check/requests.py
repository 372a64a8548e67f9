"""Holds the request that a connector or a source describes against the rules: method, URL, headers.

Source: connectors.md §2.2, §2.3, §9, §10; the codes are the reference checker's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from gateway.connectors.check.mappings import Findings, MappingCheck
from gateway.connectors.check.value_shapes import ConnectorScope
from gateway.connectors.directives import METHODS, Connect, Header, SchemaText, SourceDirective
from gateway.connectors.request.url import CREDENTIALS, INSTEAD
from gateway.settings.headers import NOT_FROM_CLIENT, UNSETTABLE
from gateway.settings.urls import has_credentials, without_credentials

EVERYWHERE = frozenset({"config", "env", "context", "request", "principal", "flags"})
IN_BASE_URL = frozenset({"config", "env"})

# What a template keeps of them: line breaks and tabs are its layout.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


class RequestCheck:
    """Checks methods, URLs and headers; `allowed` are the variables that may be read there."""

    def __init__(self, findings: Findings, mappings: MappingCheck) -> None:
        self.findings = findings
        self.mappings = mappings

    def base_url(self, source: SourceDirective) -> None:
        """§2.2: absolute, http or https, of `$config` and `$env` only."""
        text = source.base_url
        if not text.value.strip():
            message = f"the source `{source.name}` has no baseURL"
            self.findings.at(source.node, "InvalidUrl", message)
            return
        parts = self.mappings.template(text, IN_BASE_URL, None, "InvalidUrl")
        self._dots(text, parts)
        self._credentials(text, parts)
        self._host(text, parts)
        first = parts[0] if parts else None
        if not isinstance(first, str) or re.match(r"https?:", first, re.IGNORECASE):
            return
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", first, re.IGNORECASE)
        if scheme:
            message = (
                "only http and https can be used"  # a user name may stand where the scheme does
            )
            self.findings.at_offset(text, 0, "InvalidUrlScheme", message)
        else:
            message = "baseURL must be absolute"
            hint = f"begin it with https://, or set `url` in [sources.{source.name}]"
            self.findings.at_offset(text, 0, "InvalidUrl", message, hint)

    def methods(self, connect: Connect) -> None:
        """§2.3: exactly one."""
        http = next(
            (a.value for a in connect.node.arguments or () if a.name.value == "http"), connect.node
        )
        if not connect.methods:
            message = f"@connect on {connect.coordinate} has no method"
            self.findings.at(
                http, "MissingHttpMethod", message, f"give one of {', '.join(METHODS)}"
            )
        elif len(connect.methods) > 1:
            second = list(connect.methods.values())[1]
            message = f"{' and '.join(connect.methods)}: a connector has one method"
            self.findings.at(second.node, "MultipleHttpMethods", message)

    def url(self, connect: Connect, allowed: frozenset[str], scope: ConnectorScope | None) -> None:
        """§2.3: a path where there is a source, absolute where there is none."""
        text = connect.url
        parts = self.mappings.template(text, allowed, scope, "InvalidUrl")
        self._dots(text, parts)
        self._credentials(text, parts)
        absolute = re.match(r"[a-z][a-z0-9+.-]*://", text.value, re.IGNORECASE) is not None
        if connect.source is not None and absolute:
            message = "the URL is absolute, but the connector has a source"
            self.findings.at_offset(
                text, 0, "AbsoluteConnectUrlWithSource", message, "write its path only"
            )
        elif connect.source is None and not absolute:
            message = "the URL is relative, but the connector has no source"
            self.findings.at_offset(
                text, 0, "RelativeConnectUrlWithoutSource", message, "name a `source`"
            )
        elif absolute and not re.match(r"https?://", text.value, re.IGNORECASE):
            self.findings.at_offset(text, 0, "InvalidUrlScheme", "only http and https can be used")
        if absolute and parts:
            self._host(text, parts)
            first = parts[0]
            if (
                isinstance(first, str)
                and len(parts) > 1
                and not re.search("[/?]", first.partition("://")[2])
            ):  # §9.8
                message = "the host of a connector's own URL cannot contain expressions"
                self.findings.at_offset(text, len(first), "InvalidUrl", message)

    def _host(self, text: SchemaText, parts: list[Any] | None) -> None:
        """A host that is written out is one, and has a port that there is."""
        first = parts[0] if parts and isinstance(parts[0], str) else ""
        found = re.match(r"https?://([^/?#]*)", first.strip(), re.IGNORECASE)
        if found is None or (len(parts or ()) > 1 and found.end() == len(first.strip())):
            return  # an expression is a part of it
        try:
            split = urlsplit(found[0])
            is_right = bool(split.hostname) and split.port != 0 and not re.search(r"\s", found[1])
        except ValueError:
            is_right = False
        if not is_right:
            shown = without_credentials(text.value.strip()).partition("://")[2]
            message = f"`{re.split('[/?#]', shown, maxsplit=1)[0]}` is not a host"
            self.findings.at_offset(
                text, 0, "InvalidUrl", message, "https://host, or https://host:port"
            )

    def _dots(self, text: SchemaText, parts: list[Any] | None) -> None:
        """§9.9: a path that climbs is never sent."""
        literal = "".join(part if isinstance(part, str) else "x" for part in parts or ())
        path = re.split(r"[?#]", literal, maxsplit=1)[0].replace("%2e", ".").replace("%2E", ".")
        if any(segment.strip() in (".", "..") for segment in path.split("/")):
            message = "a path segment is `.` or `..`: such a request is never sent"
            self.findings.at_offset(text, 0, "InvalidUrl", message, "write the path that is meant")

    def _credentials(self, text: SchemaText, parts: list[Any] | None) -> None:
        literal = "".join(part if isinstance(part, str) else "x" for part in parts or ())
        if has_credentials(literal):
            self.findings.at_offset(text, 0, "InvalidUrl", CREDENTIALS, INSTEAD)

    def headers(
        self, headers: Iterable[Header], allowed: frozenset[str], scope: ConnectorScope | None
    ) -> None:
        """§10: names that can be set, once each, by one of `from` and `value`."""
        seen: set[str] = set()
        for header in headers:
            name = header.name.lower()
            if not _NAME.fullmatch(name):
                self.findings.at(
                    header.node, "InvalidHeader", f"`{header.name}` is not a header name"
                )
            elif name in UNSETTABLE or (name in NOT_FROM_CLIENT and header.from_ is not None):
                self.findings.at(
                    header.node, "InvalidHeader", f"the header {header.name} cannot be set"
                )
            elif name in seen:
                message = f"the header {header.name} appears twice in one list"
                self.findings.at(header.node, "HttpHeaderNameCollision", message)
            seen.add(name)
            if (header.from_ is None) == (header.value is None):
                message = f"the header {header.name} needs one of `from` and `value`"
                self.findings.at(header.node, "InvalidHeader", message)
            if header.from_ is not None and not _NAME.fullmatch(header.from_.lower()):
                message = f"the header {header.name} is copied from `{header.from_}`, which is not a header name"
                self.findings.at(header.node, "InvalidHeader", message)
            if header.value is not None:
                if unsafe := _CONTROL.search(header.value.value):
                    message = f"the header {header.name} would hold control characters"
                    self.findings.at_offset(header.value, unsafe.start(), "InvalidHeader", message)
                self.mappings.template(header.value, allowed, scope, "InvalidHeader")
