"""From the bytes of an answer to its value, or to why it has none.

Whoever asks decides what a missing value means. It knows no connector, and never guesses: bytes that are not
surely one value have none.

Source: connectors.md §12; JSON under another content type is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from gateway.connectors.php.noise import read_page, says_message
from gateway.json_bytes import NotJSONError, read_json

NO_CONTENT = frozenset({204, 205, 304})
"""Statuses that say that there is no body: then null is what the backend means."""
PHP_MEDIA_TYPES = frozenset({"application/vnd.php.serialized", "application/x-php-serialized"})

Oddity = Literal["", "noise", "empty", "content_type"]


class BodyReading(NamedTuple):
    """What an answer's bytes say.

    Attributes:
        value: None where there is none.
        oddity: What is not as it should be: text around the value that was skipped ("noise"), no body
            ("empty"), or a content type that is not JSON with bytes that are not either ("content_type").
        why: The same in words, for the log.
    """

    value: Any
    oddity: Oddity = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class BodyReader:
    """Reads the bodies of one connector's answers.

    Attributes:
        is_php: Whether its source speaks the PHP dialect.
        wants_members: Whether its mapping works on an object or a list alone, which no plain text is.
        mended: Called when characters or numbers had to be mended.
    """

    is_php: bool
    wants_members: bool
    mended: Callable[[], None]

    def decode(self, body: bytes, status: int, content_type: str) -> BodyReading:
        """Read one body.

        Errors: ValueError, LookupError or RecursionError for one that claims to be what it is not.
        """
        if status in NO_CONTENT:
            return BodyReading(None)
        if not body:
            return BodyReading(None, "empty", "the answer has no body")
        kind, _, parameters = content_type.partition(";")
        kind = kind.strip().lower()
        charset = charset_of(parameters) or "utf-8"
        if self.is_php:
            return self._read_php(body, kind, charset)
        if is_json_type(kind):
            return BodyReading(read_json(body, self.mended))
        if kind == "text/plain" and not self.wants_members:
            return BodyReading(body.decode(charset))
        # §12.2 has null for these. JSON objects and lists are told by their bytes.
        if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            try:
                return BodyReading(read_json(body.removeprefix(b"\xef\xbb\xbf"), self.mended))
            except NotJSONError:
                pass
        text = body.decode(charset, "replace") if kind == "text/plain" else None
        return BodyReading(text, "content_type", f"the content type is {kind[:100]!r}, not JSON")

    def _read_php(self, body: bytes, kind: str, charset: str) -> BodyReading:
        try:
            found = read_page(body, charset)
        except (ValueError, LookupError, RecursionError) as exc:
            if is_json_type(kind) or kind in PHP_MEDIA_TYPES:
                raise
            why = f"the content type is {kind[:100]!r}; {type(exc).__name__}: {exc}"
            if kind != "text/plain":
                return BodyReading(None, "content_type", why)
            text = body.decode(charset, "replace")
            if self.wants_members or says_message(body):
                return BodyReading(text, "content_type", why)
            return BodyReading(text)
        return BodyReading(found.value, "noise" if found.has_noise else "")


def is_json_type(kind: str) -> bool:
    """Whether a media type means JSON; one without a slash says nothing, as if there were none."""
    return kind == "application/json" or "/" not in kind or kind.endswith(("+json", "/json"))


def charset_of(parameters: str) -> str | None:
    """The charset among the parameters of a content type."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'").lower()
    return None
