"""Files sent along with operations: the GraphQL multipart request, parsed as it arrives.

    operations  {"query": …, "variables": {"file": null}}
    map         {"0": ["variables.file"]}
    0           the file's bytes

Small files stay in memory, others go to the disk; each part is counted as it comes. A large last file goes
nowhere: the operation is executed while it is on its way, and a resolver reads it as it comes.

Source: the GraphQL multipart request specification; CVE-2024-47082 for why it is off by default.
"""

from __future__ import annotations

import logging
import tempfile
from typing import Any

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.errors import ClientError
from gateway.graph.uploads import Content, Upload
from gateway.transport.asgi import ClientDisconnectedError, Receive
from gateway.transport.http.upload_map import malformed, placed
from gateway.transport.settings import UploadSettings

# It warns of every broken form, in text, on stderr: what a client got wrong stands in its answer.
logging.getLogger("python_multipart").setLevel(logging.ERROR)

MEMORY_BYTES = 512 * 1024
MAX_NAME = 255
LEFT: dict[str, Any] = {"type": "http.disconnect"}


class FormPart:
    """One part under way.

    Attributes:
        headers: By lower-case name.
        file: The bytes so far.
        size: How many.
    """

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - an Upload closes it
        self.size = 0

    def named(self) -> tuple[str, str | None]:
        """The field's name, and the file's; None for a field that is no file."""
        _, options = parse_options_header(self.headers.get(b"content-disposition"))
        filename = options.get(b"filename")
        name = options.get(b"name", b"").decode("utf-8", "replace")
        return name, None if filename is None else filename.decode("utf-8", "replace")[:MAX_NAME]


class UploadForm:
    """Reads one request's form.

    Args:
        boundary: Of its parts.
        settings: What is allowed.
        max_field_bytes: Of a part that is no file.
    """

    def __init__(self, boundary: bytes, settings: UploadSettings, max_field_bytes: int) -> None:
        self.fields: dict[str, bytes] = {}
        self.files: dict[str, Upload] = {}
        self.is_whole = False
        self.coming: bytearray | None = None  # of the last file, when it is read as it comes
        self._settings = settings
        self._max_field_bytes = max_field_bytes
        self._part = FormPart()
        self._name = ""
        self._filename: str | None = None
        self._header: list[bytes] = [b"", b""]
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._whole,
            },
        )

    def feed(self, data: bytes) -> None:
        """Read on. Errors: ClientError(REQUEST_TOO_LARGE), (BAD_REQUEST)."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise malformed("it is not multipart/form-data") from None

    def close(self) -> None:
        """Let the part go that was under way."""
        self._part.file.close()

    @property
    def can_stream(self) -> bool:
        """Whether all that is left is a large file that stands in one place."""
        if self._filename is None or self._part.size <= MEMORY_BYTES or not self._settings.stream:
            return False
        try:
            places = orjson.loads(self.fields["map"])
        except (KeyError, orjson.JSONDecodeError):
            return False
        is_last = isinstance(places, dict) and set(places) == {*self.files, self._name}
        paths = places.get(self._name) if is_last else None
        return isinstance(paths, list) and len(paths) == 1

    def stream(self, receive: Receive, *, more: bool) -> None:
        """Take the file that is on its way for one that is there."""
        part, self._part = self._part, FormPart()
        self._part.size, self._part.headers = part.size, part.headers
        part.file.seek(0)
        self.coming = bytearray()
        rest = Rest(self, receive, more=more)
        self.files[self._name] = self._upload(part, None, rest)

    def _upload(self, part: FormPart, size: int | None, rest: Rest | None = None) -> Upload:
        kind = part.headers.get(b"content-type", b"application/octet-stream")
        name = self._filename or ""
        content = Content(part.file, size, rest)
        return Upload(content, name, kind.decode("latin-1")[:MAX_NAME])

    def _begin(self) -> None:
        self._part.file.close()
        if self.coming is not None:
            raise malformed("`map` must name every file, and no other")
        if len(self.files) + len(self.fields) >= self._settings.max_files + 2:
            raise too_many(self._settings.max_files)
        self._part = FormPart()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_end(self) -> None:
        name, value = self._header
        self._part.headers[name.lower()] = value
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        self._name, self._filename = self._part.named()
        if self._filename is not None and len(self.files) >= self._settings.max_files:
            raise too_many(self._settings.max_files)

    def _data(self, data: bytes, start: int, end: int) -> None:
        part, is_file = self._part, self._filename is not None
        most = self._settings.max_file_size_bytes if is_file else self._max_field_bytes
        part.size += end - start
        if part.size > most:
            key = "uploads.max_file_size_bytes" if is_file else "http.max_body_bytes"
            raise ClientError(f"A part is larger than {key}, {most}.", code="REQUEST_TOO_LARGE")
        if self.coming is None:
            part.file.write(data[start:end])
        else:
            self.coming += data[start:end]

    def _end(self) -> None:
        part = self._part
        if self.coming is not None:
            return
        if self._name in self.files or self._name in self.fields:
            raise malformed("two parts have the same name")
        part.file.seek(0)
        if self._filename is None:
            self.fields[self._name] = part.file.read()
            return
        self.files[self._name] = self._upload(part, part.size)
        self._part = FormPart()  # the file is the upload's now

    def _whole(self) -> None:
        self.is_whole = True


class Rest:
    """What is still to come of a form's last file, for who reads it.

    Args:
        form: Reads it.
        receive: ASGI's: nothing is asked of the client before somebody reads.
        more: Whether there is more of the request's body.
    """

    def __init__(self, form: UploadForm, receive: Receive, *, more: bool) -> None:
        self._form = form
        self._receive = receive
        self._has_more = more
        self._failure: ClientError | None = None

    async def __call__(self) -> bytes | None:
        """The next bytes, for one reader at a time; None at the end. Errors: as of `UploadForm.feed`."""
        if self._failure is not None:
            raise self._failure  # never a part of a file for the whole
        try:
            return await self._next()
        except ClientError as exc:
            self._failure = exc
            raise

    async def _next(self) -> bytes | None:
        form = self._form
        assert form.coming is not None
        while not form.coming:
            if form.is_whole:
                return None
            message = await self._receive() if self._has_more else LEFT
            if message["type"] == "http.disconnect":
                raise malformed("it was cut short")  # by the client: no error of ours
            self._has_more = bool(message.get("more_body"))
            form.feed(message.get("body", b""))
        data = bytes(form.coming)
        form.coming.clear()
        return data


def is_form(content_type: str) -> bool:
    """Whether a body is a form with files."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


async def read_upload(
    receive: Receive, content_type: str, settings: UploadSettings, max_field_bytes: int
) -> Any:
    """A multipart request's operations, the files in their places, the last perhaps still on its way.

    Errors: ClientError(REQUEST_TOO_LARGE) as soon as it is too large, (BAD_REQUEST).
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 70:  # RFC 2046 §5.1.1
        raise malformed("its boundary is missing or too long")
    form = UploadForm(boundary, settings, max_field_bytes)
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            form.feed(message.get("body", b""))
            has_more = bool(message.get("more_body"))
            if has_more and form.can_stream:
                form.stream(receive, more=has_more)
                break
            if form.is_whole or not has_more:  # what may follow a form's end is none of it
                break
    finally:
        form.close()
    if not form.is_whole and form.coming is None:
        raise malformed("it was cut short")
    return placed(form.fields, form.files)


def too_many(most: int) -> ClientError:
    """A form with more files than are allowed."""
    return ClientError(
        f"The form has more files than uploads.max_files, {most}.", code="REQUEST_TOO_LARGE"
    )
