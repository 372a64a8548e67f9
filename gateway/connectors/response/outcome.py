"""From a backend's answer to the value that mappings work on, and to the error of one that failed.

Every bad answer ends here as an `UpstreamError`; nothing of the answer's text reaches the client but by the
mappings of `errors`.

Source: connectors.md §12, §13.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from gateway.connectors.directives import Errors
from gateway.connectors.mapping.analyse import read_input
from gateway.connectors.mapping.compile import CompiledMapping, compile_mapping
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.response.body_value import NO_CONTENT, BodyReader, BodyReading, is_json_type
from gateway.errors import UpstreamError
from gateway.telemetry.catalogue import UNEXPECTED_ANSWERS
from gateway.telemetry.metrics import Sample
from gateway.telemetry.records import members
from gateway.upstream.settings import SourceSettings
from gateway.upstream.transport import Fetched, header_value

logger = logging.getLogger("gateway.connectors")
FIRST_WORDS = 200

unexpected: Counter[tuple[str, str, str]] = Counter()
"""Answers that were not as they should be, by source, endpoint and reason: "empty", "content_type", "format"
(it is not the JSON that it claims to be), "shape" (not what the schema declares), "noise" (skipped)."""


def unexpected_samples() -> Iterator[Sample]:
    """The same, for metrics."""
    for labels, count in unexpected.items():
        yield UNEXPECTED_ANSWERS, labels, count


class ResponseReader:
    """Reads the answers of one connector.

    Args:
        source: The source's name, for errors.
        endpoint: What is called, for the counter.
        settings: Of the source.
        selection: The connector's mapping: what of an answer is wanted.
        connector, defaults: `errors` and `isSuccess` of the connector and of its source.
        spec: Version of the mapping language.
        name: What diagnostics call the connector.
    """

    def __init__(
        self,
        source: str,
        endpoint: str,
        settings: SourceSettings,
        selection: MappingSelection,
        connector: Errors,
        defaults: Errors,
        spec: str,
        name: str,
    ) -> None:
        self._source = source
        self._endpoint = endpoint
        self._is_php = settings.dialect == "php"
        self._may_be_null = settings.non_json_answers == "null"
        self._has_told: set[str] = set()
        wanted = read_input(selection)
        self._wants = wanted is not None
        wants_members = wanted is not None and bool(wanted.members) and not wanted.whole
        self._body = BodyReader(self._is_php, wants_members, self._note_mended)

        def compiled(text: Any) -> CompiledMapping | None:
            return compile_mapping(parse_mapping(text.value, spec), name) if text else None

        self._is_success = compiled(connector.is_success or defaults.is_success)
        self._message = compiled(connector.message or defaults.message)
        self._extensions = [
            mapping
            for text in (defaults.extensions, connector.extensions)
            if (mapping := compiled(text)) is not None
        ]

    def value_of(self, answer: Fetched, variables: dict[str, Any]) -> Any:
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
        content_type = headers.get("content-type", [""])[0]
        try:
            reading = self._body.decode(answer.body, answer.status, content_type)
        except (ValueError, RecursionError, LookupError) as exc:
            raise self.invalid(answer, f"{type(exc).__name__}: {exc}", "format") from exc
        if self._is_success is None:
            failed = not 200 <= answer.status <= 299
        else:
            failed = self._is_success(reading.value, variables) is not True
        if failed:
            raise self._failure(answer, reading.value, variables)
        if reading.oddity:
            self._look_at(answer, reading)
        return reading.value

    @property
    def may_be_plain(self) -> bool:
        """Whether an answer can be plain at all."""
        return self._is_success is None and not self._is_php

    def is_plain(self, answer: Fetched) -> bool:
        """Whether an answer is a success by its status, and JSON: then it may be decoded as it stands."""
        if self._is_success is not None or self._is_php or not 200 <= answer.status <= 299:
            return False
        if answer.status in NO_CONTENT or not answer.body:
            return False
        return _says_json(header_value(answer.headers, "content-type") or "")

    def invalid(self, answer: Fetched, why: str, reason: str = "shape") -> UpstreamError:
        """The error of an answer that is not what was asked for; it is counted."""
        unexpected[self._source, self._endpoint, reason] += 1
        return UpstreamError(
            "CONNECTOR_RESPONSE_INVALID",
            source=self._source,
            detail=f"status {answer.status}, {why}; {_first_words(answer.body)}",
            extensions={"http": {"status": answer.status}},
        )

    def _look_at(self, answer: Fetched, reading: BodyReading) -> None:
        """Tell of an answer that is not as it should be. Errors: UpstreamError where it has no value."""
        if reading.oddity == "noise":
            unexpected[self._source, self._endpoint, "noise"] += 1
            self._tell_once("noise", "prints text around its values; it is skipped")
        elif self._wants and self._may_be_null:
            unexpected[self._source, self._endpoint, reading.oddity] += 1
        elif self._wants:
            raise self.invalid(answer, reading.why, reading.oddity)

    def _note_mended(self) -> None:
        self._tell_once(
            "mended",
            "sends text that is no UTF-8 or half a character, or numbers beyond all bounds: "
            "they are read as U+FFFD and as text",
        )

    def _tell_once(self, what: str, words: str) -> None:
        if what not in self._has_told:
            self._has_told.add(what)
            logger.warning("source %s %s", self._source, words, extra=members(source=self._source))

    def _failure(self, answer: Fetched, data: Any, variables: Mapping[str, Any]) -> UpstreamError:
        message: str | None = None
        if self._message is not None:
            given = self._message(data, variables)
            message = given if isinstance(given, str) else ""
        extensions: dict[str, Any] = {"http": {"status": answer.status}}
        for mapping in self._extensions:
            given = mapping(data, variables)
            if isinstance(given, dict):
                extensions.update(given)
        return UpstreamError(
            "CONNECTOR_FETCH",
            source=self._source,
            detail=f"status {answer.status}; {_first_words(answer.body)}",
            message=message,
            extensions=extensions,
        )


def _first_words(body: bytes) -> str:
    """How an answer begins, for the log: in one line, control characters escaped."""
    if not body:
        return "the answer is empty"
    return f"the answer begins {body[:FIRST_WORDS].decode('utf-8', 'replace')!r}"


@lru_cache(maxsize=128)
def _says_json(content_type: str) -> bool:
    """Whether a `content-type`, "" when there is none, means JSON."""
    return is_json_type(content_type.partition(";")[0].strip().lower())
