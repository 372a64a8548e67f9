"""Runs the cases of a suite against the connectors of a schema: the request as it would be sent, the answer as it
would be mapped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.client.request import ClientRequest, joined_values
from gateway.connectors.bind import BoundConnectors
from gateway.connectors.call import ConnectorCall
from gateway.connectors.mapping.explain import run_map
from gateway.connectors.mapping.problems import Problem
from gateway.errors import UpstreamError
from gateway.suites.model import Case, ExpectedMessage, ExpectedRequest, Outcome
from gateway.upstream.transport import Fetched, UpstreamRequest


class NoConnectorError(Exception):
    """A case names a connector that the schema has not."""


def find_call(bound: BoundConnectors, name: str) -> ConnectorCall:
    """The connector of an id, or of a coordinate with or without its index. Errors: NoConnectorError."""
    known: dict[str, ConnectorCall] = {}
    for loader in bound.loaders:
        connect = loader.call.builder.connect
        known.setdefault(f"{connect.coordinate}[{connect.index}]", loader.call)
        if connect.index == 0:
            known.setdefault(connect.coordinate, loader.call)
        if connect.id:
            known.setdefault(connect.id, loader.call)
    if name not in known:
        names = ", ".join(sorted(n for n in known if not n.endswith("[0]"))) or "none"
        raise NoConnectorError(f"there is no connector {name!r}; there are: {names}")
    return known[name]


def run_case(
    bound: BoundConnectors, case: Case, defaults: Mapping[str, Any] = MappingProxyType({})
) -> Outcome:
    """Run one case. What is not as it is expected is said in `failures`.

    Args:
        bound: The connectors.
        case: It.
        defaults: What a flag is where the case does not say it.
    """
    outcome = Outcome(case)
    try:
        call = find_call(bound, case.connector)
    except NoConnectorError as exc:
        outcome.failures.append(str(exc))
        return outcome
    headers = {
        str(name).lower(): value if isinstance(value, list) else [str(value)]
        for name, value in (case.variables.get("requestHeaders") or {}).items()
    }
    client = ClientRequest(
        {name: joined_values(name, values) for name, values in headers.items()}, headers
    )
    given = {name: value for name, value in case.variables.items() if name != "requestHeaders"}
    flags = given.pop("flags", None) or {}
    outcome.failures += [
        f"$flags.{name}: the connector reads no such flag"
        for name in flags
        if name not in call.flags
    ]
    of_call = {name: defaults[name] for name in call.flags if name in defaults}
    given["flags"] = {**of_call, **flags}
    variables = {**call.constants, "args": {}, "request": {"headers": headers}, **given}
    errors: list[str] = []
    problems: Sequence[Problem] = ()
    try:
        sent = call.builder.build(variables, client, call.may_repeat)
        if case.request is not None:
            outcome.failures += check_request(case.request, sent)
        value, problems = _mapped(call, case, variables, bound.spec)
        if case.response is not ... and value != case.response:
            expected = json.dumps(case.response, ensure_ascii=False)
            got = "no value" if value is ... else json.dumps(value, ensure_ascii=False)
            outcome.failures.append(f"response: expected {expected}, got {got}")
    except UpstreamError as exc:
        errors.append(str(exc))
    except ValueError as exc:  # what cannot be written into a request
        errors.append(str(exc))
    outcome.failures += _unmatched("error", case.errors, [(text, "") for text in errors])
    told = [(problem.message, ".".join(map(str, problem.path))) for problem in problems]
    outcome.failures += _unmatched("problem", case.problems, told)
    answered = {name.lower(): value for name, value in case.headers.items()}
    outcome.failures += _headers("response header", case.response_headers, answered)
    return outcome


def _mapped(
    call: ConnectorCall, case: Case, variables: dict[str, Any], spec: str
) -> tuple[Any, Sequence[Problem]]:
    """What the answer maps to, and the problems of the mapping. Errors: UpstreamError."""
    named = {name.lower(): value for name, value in case.headers.items()}
    # As JSON services and PHP send it when nobody says otherwise.
    named.setdefault("content-type", "application/json" if call.php is None else "text/html")
    fetched = Fetched(case.status, list(named.items()), case.body)
    if call.php is not None:
        return call.mapped(fetched, variables), ()
    data = call.reader.value_of(fetched, variables)
    selection = call.builder.connect.selection
    assert selection is not None
    report = run_map(selection.value, data, variables, spec)
    return report.value, report.problems


def check_request(expected: ExpectedRequest, sent: UpstreamRequest) -> list[str]:
    """How a request differs from what is expected."""
    failures = []
    if sent.method != expected.method:
        failures.append(f"request: expected the method {expected.method}, got {sent.method}")
    if expected.url is not None and _parts(expected.url) != _parts(sent.url):
        failures.append(f"request: expected the URL {expected.url}, got {sent.url}")
    given = {name.lower(): value for name, value in sent.headers}
    failures += _headers("request header", expected.headers, given)
    body = sent.body.decode() if isinstance(sent.body, bytes) else ""
    if expected.body is not None and _value(expected.body) != _value(body):
        failures.append(f"request: expected the body {expected.body.strip()}, got {body}")
    return failures


def _headers(what: str, expected: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    return [
        f"{what} {name}: expected {value!r}, got {given.get(name, 'none')!r}"
        for name, value in expected.items()
        if given.get(name) != value
    ]


def _parts(url: str) -> tuple[str, str, str, list[tuple[str, str]]]:
    """A URL so that two ways to write it are equal."""
    parts = urlsplit(url.strip().replace(" ", "%20"))
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    return parts.scheme, parts.netloc, unquote(parts.path) or "/", query


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def _unmatched(
    what: str, expected: Sequence[ExpectedMessage], told: Iterable[tuple[str, str]]
) -> list[str]:
    """What was expected and not told, and what was told and not expected."""
    left = list(told)
    failures = []
    for item in expected:
        found = next((pair for pair in left if _fits(item, *pair)), None)
        if found is None:
            failures.append(f"{what}: {str(item)!r} was expected and not told")
        else:
            left.remove(found)
    return failures + [
        f"{what}: {message!r}{f' at {path}' if path else ''} is not expected"
        for message, path in left
    ]


def _fits(expected: ExpectedMessage, message: str, path: str) -> bool:
    if expected.path is not None and re.sub(r"^\$?\.?", "", expected.path) != path:
        return False
    if expected.message is not None:
        return message == expected.message
    return expected.part is not None and expected.part in message
