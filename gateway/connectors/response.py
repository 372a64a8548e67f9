"""From a backend's answer to the value that mappings work on, and to the error of one that failed.

Every bad answer ends here as an `UpstreamError`; nothing of the answer's text reaches the client but by the
mappings of `errors`.

Source: connectors.md §12, §13.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gateway.connectors.directives import Errors
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.php import MEDIA_TYPES, unserialize, without_notices
from gateway.errors import UpstreamError
from gateway.json_bytes import read_json
from gateway.upstream.transport import Fetched, header_value

logger = logging.getLogger("gateway.connectors")
FIRST_WORDS = 200


class ResponseReader:
    """Reads the answers of one connector.

    Args:
        source: The source's name, for errors.
        dialect: "json" or "php".
        connector, defaults: `errors` and `isSuccess` of the connector and of its source.
        spec: Version of the mapping language.
        name: What diagnostics call the connector.
    """

    def __init__(
        self, source: str, dialect: str, connector: Errors, defaults: Errors, spec: str, name: str
    ) -> None:
        self._source = source
        self._is_php = dialect == "php"
        self._has_told = False
        self._has_told_mended = False

        def compiled(text: Any) -> CompiledMapping | None:
            return compile_mapping(parse_mapping(text.value, spec), name) if text else None

        self._is_success = compiled(connector.is_success or defaults.is_success)
        self._message = compiled(connector.message or defaults.message)
        self._extensions = [
            mapping
            for text in (defaults.extensions, connector.extensions)
            if (mapping := compiled(text)) is not None
        ]

    def read(self, answer: Fetched, variables: dict[str, Any]) -> Any:
        """The value that `selection` works on.

        `variables` gets `status` and `response`.

        Errors: UpstreamError(CONNECTOR_RESPONSE_INVALID) when it cannot be read,
            UpstreamError(CONNECTOR_FETCH) when the backend says that it failed.
        """
        headers: dict[str, list[str]] = {}
        for name, value in answer.headers:
            headers.setdefault(name, []).append(value)
        variables["status"] = answer.status
        variables["response"] = {"headers": headers}
        data = self._decode(answer, headers.get("content-type", [""])[0])
        if self._is_success is None:
            failed = not 200 <= answer.status <= 299
        else:
            failed = self._is_success(data, variables) is not True
        if failed:
            raise self._failure(answer.status, data, variables)
        return data

    def is_plain(self, answer: Fetched) -> bool:
        """Whether an answer is a success by its status, and JSON: then it may be decoded as it stands."""
        if self._is_success is not None or self._is_php or not 200 <= answer.status <= 299:
            return False
        if answer.status == 204 or not answer.body:
            return False
        return _says_json(header_value(answer.headers, "content-type") or "")

    def _decode(self, answer: Fetched, content_type: str) -> Any:
        body = answer.body
        if answer.status == 204 or not body:
            return None
        kind, _, parameters = content_type.partition(";")
        kind = kind.strip().lower()
        is_json = _is_json(kind)
        try:
            if self._is_php:
                return self._decode_php(body, kind, parameters, is_json)
            if is_json:
                return read_json(body, self._note_mended)
            if kind == "text/plain":
                return body.decode(_charset(parameters) or "utf-8")
        except (ValueError, RecursionError, LookupError) as exc:
            raise self._invalid(answer, f"{type(exc).__name__}: {exc}") from exc
        return None

    def _decode_php(self, body: bytes, kind: str, parameters: str, is_json: bool) -> Any:
        charset = _charset(parameters) or "utf-8"
        if kind in MEDIA_TYPES:
            return unserialize(body, charset)
        if not is_json and kind not in ("text/html", "text/plain", "text/javascript"):
            return None
        clean = without_notices(body)
        if len(clean) != len(body) and not self._has_told:
            self._has_told = True
            logger.warning("source=%s prints text before its JSON; it is skipped", self._source)
        if charset not in ("utf-8", "utf8", "us-ascii"):
            clean = clean.decode(charset).encode()
        return _loads_lenient(clean)

    def _note_mended(self) -> None:
        if not self._has_told_mended:
            self._has_told_mended = True
            logger.warning(
                "source=%s sends text that is no UTF-8 or half a character, or numbers beyond all bounds: "
                "they are read as U+FFFD and as text",
                self._source,
            )

    def _invalid(self, answer: Fetched, why: str) -> UpstreamError:
        words = answer.body[:FIRST_WORDS].decode("utf-8", "replace")
        return UpstreamError(
            "CONNECTOR_RESPONSE_INVALID",
            source=self._source,
            detail=f"status {answer.status}, {why}; the answer begins {words!r}",
            extensions={"http": {"status": answer.status}},
        )

    def _failure(self, status: int, data: Any, variables: Mapping[str, Any]) -> UpstreamError:
        message: str | None = None
        if self._message is not None:
            given = self._message(data, variables)
            message = given if isinstance(given, str) else ""
        extensions: dict[str, Any] = {"http": {"status": status}}
        for mapping in self._extensions:
            given = mapping(data, variables)
            if isinstance(given, dict):
                extensions.update(given)
        return UpstreamError(
            "CONNECTOR_FETCH",
            source=self._source,
            detail=f"status {status}",
            message=message,
            extensions=extensions,
        )


@lru_cache(maxsize=128)
def _says_json(content_type: str) -> bool:
    """Whether a `content-type`, "" when there is none, means JSON."""
    return _is_json(content_type.partition(";")[0].strip().lower())


def _is_json(kind: str) -> bool:
    # A type without a slash says nothing: as if there were none.
    return kind == "application/json" or "/" not in kind or kind.endswith(("+json", "/json"))


def _loads_lenient(body: bytes) -> Any:
    """JSON whose text may be latin-1 without saying so. Errors: ValueError."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        body = body.decode("latin-1").encode()
    return read_json(body)


def _charset(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'").lower()
    return None
