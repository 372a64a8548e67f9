"""From a YAML file to a suite. Every key is one of the format's; what is not is a mistake with file and line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway.errors import ConfigError
from gateway.settings.suggestions import suggest_or_list
from gateway.settings.text_file import read_text_file
from gateway.suites.model import Case, ExpectedMessage, ExpectedRequest, Suite

VARIABLES = ("$args", "$this", "$batch", "$config", "$context", "$env", "$flags", "$requestHeaders")
OF_ANSWER = ("apiResponseBody", "apiResponseBodyFile", "apiResponseHeaders", "status")
OF_CASE = frozenset({"name", "connector", "target", "skip", "variables", "expect", *OF_ANSWER})
OF_URL = ("scheme", "origin", "path", "queryParams")
OF_REQUEST = frozenset({"method", "url", "headers", "body", "bodyFile", *OF_URL})
OF_EXPECT = frozenset({
    "connectorRequest", "connectorRequestHttp", "connectorResponse", "connectorResponseFile",
    "connectorResponseHeaders", "problems", "errors", "error",
})  # fmt: skip
# What `config.common` calls the parts of `expect`.
COMMON_REQUEST = {
    "expectedRequestMethod": "method",
    "expectedRequestUrl": "url",
    "expectedRequestScheme": "scheme",
    "expectedRequestOrigin": "origin",
    "expectedRequestPath": "path",
    "expectedRequestQueryParams": "queryParams",
    "expectedRequestHeaders": "headers",
    "expectedRequestBody": "body",
}
COMMON_RESPONSE = {
    "expectedResponse": "connectorResponse",
    "expectedResponseFile": "connectorResponseFile",
}
OF_COMMON = frozenset({
    "connector", "target", "variables", *OF_ANSWER, *COMMON_REQUEST, *COMMON_RESPONSE,
})  # fmt: skip


def read_suite(file: Path) -> Suite:
    """Read a suite. Errors: ConfigError."""
    try:
        import yaml
    except ImportError as exc:
        hint = "pip install 'compiled-graphql-gateway[test]'"
        raise ConfigError("suites need PyYAML", file=str(file), hint=hint) from exc
    try:
        text = read_text_file(file, "suite")
        content = yaml.safe_load(text)
        lines = _lines(yaml.compose(text))
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        problem = getattr(exc, "problem", None) or str(exc)
        raise ConfigError(f"not valid YAML: {problem}", file=str(file), line=line) from exc
    reader = _CaseReader(file)
    suite = reader.table(content, frozenset({"config", "tests"}), "")
    config = reader.table(suite.get("config"), frozenset({"schema", "name", "common"}), "config")
    common = reader.table(config.get("common"), OF_COMMON, "config.common")
    tests = suite.get("tests") or []
    if not isinstance(tests, list):
        raise ConfigError("`tests` should be a list", file=str(file))
    cases = []
    for number, test in enumerate(tests):
        reader.line = lines[number] if number < len(lines) else None
        cases.append(reader.case(test, common))
    schema = config.get("schema")
    found = reader.path(schema) if schema is not None else None
    return Suite(str(config.get("name") or file), file, found, tuple(cases))


def _lines(root: Any) -> list[int]:
    """The lines on which the tests begin."""
    if root is None or root.id != "mapping":
        return []
    tests = next((value for key, value in root.value if key.value == "tests"), None)
    if tests is None or tests.id != "sequence":
        return []
    return [item.start_mark.line + 1 for item in tests.value]


@dataclass(slots=True)
class _CaseReader:
    """Reads the parts of one file.

    Attributes:
        file: The file.
        line: Of the test that is read.
    """

    file: Path
    line: int | None = None

    def fail(self, problem: str, hint: str | None = None) -> ConfigError:
        return ConfigError(problem, file=str(self.file), line=self.line, hint=hint)

    def table(self, value: Any, known: frozenset[str], where: str) -> dict[str, Any]:
        """A table of these keys."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.fail(f"`{where}` should be a table" if where else "is no suite")
        for key in value:
            if key not in known:
                at = f"`{where}.{key}`" if where else f"`{key}`"
                raise self.fail(f"unknown key {at}", suggest_or_list(str(key), sorted(known)))
        return value

    def path(self, value: Any) -> Path:
        """A file: from the folder of the project, which is this one, or from the suite's own."""
        given = Path(str(value))
        beside = self.file.parent / given
        return beside if not given.exists() and beside.exists() else given

    def case(self, test: Any, common: Mapping[str, Any]) -> Case:
        """One test, with what all have in common."""
        own = self.table(test, OF_CASE, "tests")
        name = own.get("name")
        if not isinstance(name, str):
            raise self.fail("a test has no `name`")
        whole = {**common, **own}
        target = next(
            (
                table[key]
                for table in (own, common)
                for key in ("connector", "target")
                if key in table
            ),
            None,
        )
        if not isinstance(target, str):
            raise self.fail(f"the test {name!r} names no `connector`")
        headers = {
            **(common.get("apiResponseHeaders") or {}),
            **(own.get("apiResponseHeaders") or {}),
        }
        expect = {new: common[key] for key, new in COMMON_RESPONSE.items() if key in common}
        given = self.table(own.get("expect"), OF_EXPECT, "expect")
        if {"connectorResponse", "connectorResponseFile"} & given.keys():
            expect = {}
        expect |= given
        errors = expect.get("errors") or ([expect["error"]] if expect.get("error") else [])
        return Case(
            name,
            f"{self.file}:{self.line}",
            target,
            bool(own.get("skip", False)),
            self.variables(common.get("variables"), own.get("variables")),
            int(whole.get("status", 200)),
            {str(key): str(value) for key, value in headers.items()},
            self.body(own, common),
            self.request(expect, common),
            self.response(expect),
            self.headers(expect.get("connectorResponseHeaders")),
            self.messages(expect.get("problems"), {"path"}),
            self.messages(errors, {"extensions"}),
        )

    def variables(self, common: Any, own: Any) -> dict[str, Any]:
        """The variables, without their `$`."""
        known = frozenset(VARIABLES)
        given = {
            **self.table(common, known, "variables"),
            **{k: v for k, v in self.table(own, known, "variables").items() if v},
        }
        return {name.removeprefix("$"): value for name, value in given.items()}

    def body(self, own: Mapping[str, Any], common: Mapping[str, Any]) -> bytes:
        """The answer's bytes; null in JSON where there are none."""
        for table in (own, common):
            if "apiResponseBody" in table:
                return _text(table["apiResponseBody"]).encode()
            if "apiResponseBodyFile" in table:
                return self.content(table["apiResponseBodyFile"])
        return b"null"

    def content(self, value: Any) -> bytes:
        """A file's bytes."""
        path = self.path(value)
        try:
            return path.read_bytes()
        except OSError as exc:
            raise self.fail(f"{path} cannot be read: {exc.strerror}") from exc

    def request(
        self, expect: Mapping[str, Any], common: Mapping[str, Any]
    ) -> ExpectedRequest | None:
        """What is to be sent."""
        if "connectorRequestHttp" in expect:
            return self.recorded(self.content(expect["connectorRequestHttp"]).decode())
        shared = {new: common[key] for key, new in COMMON_REQUEST.items() if key in common}
        if "connectorRequest" not in expect and not shared:
            return None
        own = self.table(expect.get("connectorRequest"), OF_REQUEST, "connectorRequest")
        if "url" in own:
            shared = {key: value for key, value in shared.items() if key not in OF_URL}
        headers = {**self.headers(shared.get("headers")), **self.headers(own.get("headers"))}
        whole = {**shared, **own}
        body = (
            self.content(whole["bodyFile"]).decode() if "bodyFile" in whole else whole.get("body")
        )
        return ExpectedRequest(
            str(whole.get("method", "GET")).upper(),
            _url(whole),
            headers,
            None if body is None else _text(body),
        )

    def recorded(self, text: str) -> ExpectedRequest:
        """A request as a `.http` file has it."""
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.splitlines()
        method, _, url = first.partition(" ")
        pairs = [line.partition(":") for line in lines if line.strip()]
        headers = {name.strip(): value.strip() for name, _, value in pairs}
        return ExpectedRequest(method.upper(), url.strip(), headers, body.strip() or None)

    def response(self, expect: Mapping[str, Any]) -> Any:
        """What the answer is to map to."""
        if "connectorResponse" in expect:
            text, what = _text(expect["connectorResponse"]), "connectorResponse"
        elif "connectorResponseFile" in expect:
            what = "connectorResponseFile"
            text = self.content(expect[what]).decode()
        else:
            return ...
        try:
            return json.loads(text)
        except ValueError as exc:
            raise self.fail(f"`{what}` is not JSON: {exc}") from exc

    def headers(self, value: Any) -> dict[str, str]:
        """Header fields by name."""
        if not isinstance(value, dict | None):
            raise self.fail("headers should be a table")
        return {str(name).lower(): str(text) for name, text in (value or {}).items()}

    def messages(self, value: Any, more: set[str]) -> tuple[ExpectedMessage, ...]:
        """Problems or errors."""
        known = frozenset({"message", "contains_message", *more})
        items: Sequence[Any] = value or ()
        found = []
        for item in items:
            table = self.table(item, known, "message")
            message, part = table.get("message"), table.get("contains_message")
            if message is None and part is None:
                raise self.fail("an expected message has neither `message` nor `contains_message`")
            path = table.get("path")
            found.append(ExpectedMessage(message, part, None if path is None else str(path)))
        return tuple(found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _url(table: Mapping[str, Any]) -> str | None:
    if "url" in table:
        return str(table["url"])
    if not any(key in table for key in OF_URL):
        return None
    base = f"{table.get('scheme', 'http')}://{table.get('origin', 'localhost:8080')}"
    query = urlencode(table.get("queryParams") or {})
    return f"{base}{table.get('path', '/')}" + (f"?{query}" if query else "")
