"""Values that would be taken, and then fit nothing or mean something else, are refused with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.config import parse_config
from gateway.errors import ConfigError
from gateway.settings.files import missing_files

NOT_SENT = "is none that browsers send: they write small letters, and leave :80 of http and :443 of https out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[headers.all.request]]\nremove = { named = 'x internal' }",
         "headers.all.request.0.remove.named: should be the name of a header, got 'x internal'"),
        ("[[headers.all.request]]\nremove = { matching = '^X-Internal-' }",
         "headers.all.request.0.remove.matching: fits no header: names are compared in small letters, "
         "got '^X-Internal-'"),
        ("[[headers.all.request]]\npropagate = { matching = '' }",
         "headers.all.request.0.propagate.matching: should be a regular expression of names of headers, got ''"),
        ("[[headers.all.response]]\npropagate = { matching = '(' }",
         "headers.all.response.0.propagate.matching: is no regular expression: missing ), unterminated subpattern at "
         "position 0, got '('"),
        ("[subscription]\nallowed_origins = 'https://app.example/'",
         "subscription.allowed_origins.0: should be an origin, https://host[:port] without a path, "
         "got 'https://app.example/'"),
        ("[subscription]\nallowed_origins = 'https://*.app.example'",
         "subscription.allowed_origins.0: holds a `*`, and origins are compared letter by letter, "
         "got 'https://*.app.example'"),
        ("[[cors.policies]]\norigins = 'https://App.example'",
         f"cors.policies.0.origins.0: {NOT_SENT}, got 'https://App.example'"),
        ("[[cors.policies]]\norigins = 'https://app.example:443'",
         f"cors.policies.0.origins.0: {NOT_SENT}, got 'https://app.example:443'"),
        ("[[cors.policies]]\nmatch_origins = 'https://*.app.example'",
         "cors.policies.0.match_origins.0: is a regular expression, in which `*` only repeats: any name is "
         "`[a-z0-9-]+`, got 'https://*.app.example'"),
        ("[explain]\ntrace_secret_env = 'a b'",
         "explain.trace_secret_env: should be the name of an environment variable, got 'a b'"),
        ("[override]\nheader_scope = ''", "override.header_scope: should be one word, got ''"),
        ("[traffic_shaping.router.dedupe]\nexcept_operations = 'query Report'",
         "traffic_shaping.router.dedupe.except_operations.0: should be the name of an operation, got 'query Report'"),
        ("[authentication.jwt]\nheader_value_prefix = 'Bearer '",
         "authentication.jwt.header_value_prefix: should be one word, or \"\", got 'Bearer '"),
        ("[sources.a]\nheaders = { Content-Length = '3' }",
         "sources.a.headers.Content-Length: cannot be set: it is of the connection, or of the body as it is sent"),
        ("[sources.a]\nheaders = { x-a = '😀' }",
         "sources.a.headers.x-a: should be a header's value: one line of latin-1 without control characters"),
        ("[sources.a]\ndeadline_header = 'expect'",
         "sources.a.deadline_header: cannot be set: it is of the connection, or of the body as it is sent, "
         "got 'expect'"),
        ("[sources.a]\nunix_socket = ''", "sources.a.unix_socket: should be a path, got ''"),
    ],
)  # fmt: skip
def test_a_value_that_would_fit_nothing(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(text, "gateway.toml", {})
    assert error.value.render() == f"gateway.toml:2: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[persisted_documents]\nmanifest = ''", "persisted_documents.manifest: names nothing: leave it out"),
        ("[plan_cache]\nwarm = ['']", "plan_cache.warm.0: names nothing: leave it out"),
        ("[logs]\naudit = 'on'",
         "logs.audit: should be \"stdout\", \"stderr\", \"off\" or a path, got 'on': "
         "a file in the working folder is './on'"),
        ("[logs]\nerrors = 'off'",
         "logs.errors: should be \"stderr\" or a path, got 'off': a file in the working folder is './off'"),
    ],
)  # fmt: skip
def test_a_path_that_nobody_means(text: str, message: str, tmp_path: Path) -> None:
    config = parse_config(text, "gateway.toml", {})
    assert [error.render() for error in missing_files(config, tmp_path)] == [message]


@pytest.mark.parametrize(
    "text",
    [
        r"[[headers.all.request]]" + "\nremove = { matching = '^x-\\S+$' }",
        "[[headers.all.request]]\nremove = { matching = '(?i)^X-Internal' }",
        "[[headers.all.request]]\nremove = { matching = '(?P<a>x)-b' }",
        "[subscription]\nallowed_origins = ['*', 'null', 'http://app.example:443', 'app://local']",
        r"[[cors.policies]]" + "\nmatch_origins = 'https://.*\\.app\\.example'",
        "[authentication.jwt]\nheader_value_prefix = ''",
        "[logs]\nerrors = './errors'\naccess = 'off'\nslow = 'slow.log'",
    ],
)
def test_what_may_be_meant_is_taken(text: str, tmp_path: Path) -> None:
    assert missing_files(parse_config(text, "gateway.toml", {}), tmp_path) == []
