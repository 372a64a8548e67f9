"""One text for each resource, however its URL is written."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.cache.tags import url_tag
from gateway.upstream.cache.urls import normal_url, target_of


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://s/users/7?x=1", "http://s/users/7?x=1"),
        ("HTTP://S:80/a", "http://s/a"), ("https://s:443", "https://s/"), ("http://s:443/", "http://s:443/"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"), ("http://s?q", "http://s/?q"), ("http://s/#f", "http://s/"),
        ("http://s/%7Eu/%c3%a9", "http://s/~u/%C3%A9"), ("http://s/a%2fb%2Fc", "http://s/a%2Fb%2Fc"),
        ("http://s/a/./b/../c", "http://s/a/c"), ("http://s/../../a", "http://s/a"), ("http://s/a/..", "http://s/"),
        ("http://s/a/%2E%2e/b", "http://s/b"), ("http://s/a//../b", "http://s/a/b"), ("http://s/a/.b/..c", "http://s/a/.b/..c"),
        ("http://s/a?b=/../%41", "http://s/a?b=/../A"), ("http://s/a?x[]=1", "http://s/a?x%5B%5D=1"),
        ("http://s/a?x%5b%5d=1", "http://s/a?x%5B%5D=1"), ("http://s/a+b", "http://s/a+b"), ("http://s/%2B", "http://s/%2B"),
        ("http://s/%zz", "http://s/%zz"), ("mailto:a@b", "mailto:a@b"), ("http://s/a b", "http://s/a b"),
    ],
)  # fmt: skip
def test_the_normal_form_of_a_url(url: str, normal: str) -> None:
    assert normal_url(url) == normal
    assert normal_url(normal) == normal


@pytest.mark.parametrize(
    ("given_name", "target"),
    [
        ("g", "http://s/a/b/g"), ("./g/", "http://s/a/b/g/"), ("../g", "http://s/a/g"), ("../../../g", "http://s/g"),
        ("..", "http://s/a/"), (".", "http://s/a/b/"), ("?y", "http://s/a/b/c?y"), ("g?y/../x", "http://s/a/b/g?y/../x"),
        ("", "http://s/a/b/c?q"), ("#f", "http://s/a/b/c?q"), ("x//../g", "http://s/a/b/x/g"), ("/g#f", "http://s/g"),
        ("//s:80/%67", "http://s/g"), ("a b", "http://s/a/b/a%20b"), ("caf\xc3\xa9", "http://s/a/b/caf%C3%A9"),
        ("http://S/caf%c3%a9?x[]=1", "http://s/caf%C3%A9?x%5B%5D=1"), ("http://s?y", "http://s/?y"),
        ("https://s/g", None), ("//other/g", None), ("g:h", None), ("http:g", None), ("\u0141", None), ("//[x", None),
    ],
)  # fmt: skip
def test_what_a_header_names_is_resolved_where_it_stands(
    given_name: str, target: str | None
) -> None:
    assert target_of("http://s/a/b/c?q", given_name) == target


names = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in (".", "..")
)


@given(st.lists(names, min_size=1, max_size=4), st.data())
def test_a_resource_is_one_however_it_is_written(segments: list[str], data: st.DataObject) -> None:
    """The invariant: neither what is encoded needlessly nor dot segments make another resource of it."""
    url = "http://s/" + "/".join(quote(name, safe="") for name in segments)
    other = "http://S:80"
    for name in segments:
        other += data.draw(st.sampled_from(["", "/.", "/x/..", "/%2E", "/x/%2e%2E"]))
        encoded = "".join(f"%{byte:02x}" for byte in name.encode())
        other += "/" + data.draw(st.sampled_from([encoded, quote(name, safe="")]))
    assert url_tag(other) == url_tag(url)
    assert target_of(url, other) == normal_url(url) == target_of(other, url)
    assert url_tag(url + "/") != url_tag(url)
