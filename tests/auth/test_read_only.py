"""Claims that requests share, which nobody changes."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.auth.principal import ANONYMOUS, Principal, joint
from gateway.auth.read_only import plain, read_only

CLAIMS = {"role": "user", "tenant": {"id": 1, "flags": ["a", {"b": 2}]}}
OF_DICTS: list[Callable[[Any], object]] = [
    lambda claims: claims.__setitem__("role", "admin"),
    lambda claims: claims.update(role="admin"),
    lambda claims: claims.setdefault("x", 1),
    lambda claims: claims.pop("role"),
    lambda claims: claims.popitem(),
    lambda claims: claims.clear(),
    lambda claims: claims.__delitem__("role"),
    lambda claims: claims.__ior__({"role": "admin"}),
]
OF_LISTS: list[Callable[[Any], object]] = [
    lambda flags: flags.append(1),
    lambda flags: flags.extend([1]),
    lambda flags: flags.__iadd__([1]),
    lambda flags: flags.__imul__(2),
    lambda flags: flags.__setitem__(0, 1),
    lambda flags: flags.__delitem__(0),
    lambda flags: flags.insert(0, 1),
    lambda flags: flags.pop(),
    lambda flags: flags.remove("a"),
    lambda flags: flags.clear(),
    lambda flags: flags.reverse(),
    lambda flags: flags.sort(),
]


def test_nothing_of_them_is_changed() -> None:
    principal = Principal(id="a", kind="user", claims=copy.deepcopy(CLAIMS))
    places = [(principal.claims, OF_DICTS), (principal.claims["tenant"], OF_DICTS)]
    places += [(principal.member("claims.tenant.flags"), OF_LISTS)]
    places += [(principal.claims["tenant"]["flags"][1], OF_DICTS)]
    for value, changes in places:
        for change in changes:
            with pytest.raises(TypeError, match="read-only"):
                change(value)
    assert principal.claims == CLAIMS == principal.plain_claims
    for nobody in (ANONYMOUS, Principal(id="b", kind="user"), ANONYMOUS.seen_by(["claims"])):
        with pytest.raises(TypeError, match="read-only"):
            nobody.claims["role"] = "admin"  # type: ignore[index]


def test_they_are_as_they_were_when_the_principal_was_made() -> None:
    session: dict[str, Any] = {"tenant": {"id": 1}}
    principal = Principal(id="a", kind="user", claims=session)
    principal.as_json()["claims"]["tenant"]["id"] = 2
    session["tenant"]["id"] = 3
    session["role"] = "admin"
    assert principal.claims == principal.plain_claims == {"tenant": {"id": 1}}
    nothing: Any = None
    assert Principal(claims=nothing).claims == {}


def test_copies_may_be_changed() -> None:
    claims: Any = Principal(claims=CLAIMS).claims
    for made in (copy.deepcopy(claims), pickle.loads(pickle.dumps(claims)), plain(claims)):
        made["tenant"]["flags"].append("c")
        assert type(made["tenant"]["flags"][1]) is dict
    for made in ({**claims}, dict(claims), copy.copy(claims), claims | {}, claims.copy()):
        made["role"] = "admin"
    assert claims == CLAIMS
    assert read_only(claims) is claims
    assert json.loads(json.dumps(claims)) == CLAIMS


def test_what_a_part_of_the_code_sees_of_it_is_read_only_too() -> None:
    principal = Principal(id="a", kind="user", claims=CLAIMS)
    for paths in (["claims"], ["claims.tenant", "claims.tenant.id"], ["claims", "claims.role"]):
        seen = principal.seen_by(paths)
        assert seen.claims.items() <= CLAIMS.items()
        with pytest.raises(TypeError, match="read-only"):
            seen.claims["tenant"]["id"] = 2
        assert type(seen.plain_claims["tenant"]) is dict
    for made in (replace(principal, id="b"), joint(principal, Principal(client="c"))):
        assert made.claims == made.plain_claims == CLAIMS
        assert type(made.plain_claims["tenant"]) is dict
