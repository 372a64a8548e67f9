"""Tokens: which are taken, by which keys, and what is refused. Vectors by Project Wycheproof (Apache-2.0)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, RSAKey

from gateway.auth.settings import JwksSettings
from gateway.auth.tokens import (
    Issuer,
    TokenError,
    TokenRegistry,
    UnknownKeyError,
    candidates,
    is_signed,
    issuer_of,
    read_keys,
    read_secret,
    scopes_of,
    verified_claims,
)
from tests.auth.issuing import AUDIENCE, ISSUER, ec_key, key_set, okp_key, rsa_key, token_of

VECTORS = json.loads(
    (Path(__file__).parent / "json_web_signature_test.json").read_text(encoding="utf-8")
)

# Six of the vectors say the opposite of what the RFCs ask for, and of each other.
MISTAKEN = {
    346: "the key is for PS256 alone (RFC 7517 §4.4), and the token is signed by PS384",
    350: "as 346",
    367: "the very text and key of vector 357, which is valid: what was wrong with it is lost in the file",
    370: "as 367",
    372: "'?' is no character of base64url (RFC 7515 §2), so this is no token",
    373: "as 372",
}


def issuer(*keys: Key, **settings: Any) -> Issuer:
    given = {"url": "https://issuer.example/jwks", "issuers": (ISSUER,), "audiences": (AUDIENCE,)}
    return issuer_of(JwksSettings(**{**given, **settings}), keys, 60)


def vectors() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for group in VECTORS["testGroups"]:
        key = group.get("public", group["private"])
        for test in group["tests"]:
            yield f"{group['comment']}-{test['tcId']}", key, test


def test_a_key_of_the_tokens_kid_is_tried_before_those_without_one() -> None:
    many = [ECKey.generate_key("P-256") for _ in range(20)]
    own = ec_key("own")
    first, second = issuer(*many), issuer(own)
    assert verified_claims(token_of(own), [first, second])[2] is own
    # Of a set without ids, few are tried; another issuer's are not fewer for it.
    nameless = ECKey.generate_key("P-256")
    assert verified_claims(token_of(nameless), [first, issuer(nameless)])[2] is nameless


def test_every_vector_is_there() -> None:
    assert len(list(vectors())) == VECTORS["numberOfTests"] == 401
    numbered = {test["tcId"]: test for _, _, test in vectors()}
    assert {numbered[n]["jws"] for n in (367, 370)} == {numbered[357]["jws"]}
    assert (numbered[357]["result"], numbered[367]["result"]) == ("valid", "invalid")


@pytest.mark.parametrize("name", [name for name, _, _ in vectors()])
def test_a_signature_is_taken_exactly_where_wycheproof_says_so(name: str) -> None:
    _, entry, test = next(one for one in vectors() if one[0] == name)
    # RFC 7518 has no ES521: what these keys sign with is ES512.
    algorithm = {"ES521": "ES512"}.get(entry.get("alg", ""), entry.get("alg"))
    settings: dict[str, Any] = {"url": "https://x.example"}
    if entry["kty"] == "oct":
        settings = {"secret": "only here so that HMAC is allowed at all"}
    if algorithm is not None:
        settings["algorithms"] = (algorithm,)
        entry = {**entry, "alg": algorithm}
    wanted = (test["result"] == "valid") != (test["tcId"] in MISTAKEN)
    assert is_taken(test["jws"], entry, settings) == wanted, test["comment"]


def is_taken(text: Any, entry: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Whether a signed text is taken, by the same steps as a token: its payload need not be claims here."""
    try:
        key = JWKRegistry.import_key(entry)
        whose = issuer_of(JwksSettings(**settings), [key], 0)
        signed = jws.extract_compact(
            text.encode("ascii"), None, TokenRegistry(strict_check_header=False)
        )
    except (JoseError, ValueError, AttributeError):
        return False
    found = candidates(signed.headers(), [whose])
    return any(is_signed(signed, key, whose.registry) for whose, key in found)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(rsa_key(), "RS256"), (rsa_key(), "PS256"), (ec_key(), "ES256"), (okp_key(), "Ed25519")],
)
def test_each_default_algorithm_is_taken(key: Key, algorithm: str) -> None:
    claims, _, _ = verified_claims(token_of(key, algorithm), [issuer(key)])
    assert claims["sub"] == "alice"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": int(time.time()) - 61}, "it has expired"),
        ({"exp": None}, "exp"),
        ({"exp": "4102444800"}, "exp"),
        ({"exp": True}, "exp"),
        ({"nbf": int(time.time()) + 3600}, "not yet valid"),
        ({"iss": "https://other.example"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": ["other", "another"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": {AUDIENCE: True}}, "aud"),
        ({"sub": 7}, "sub"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(claims: dict[str, Any], why: str) -> None:
    with pytest.raises(TokenError) as caught:
        verified_claims(token_of(ec_key(), **claims), [issuer(ec_key())])
    assert why in str(caught.value)


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_one_audience_of_several_is_enough(audience: Any) -> None:
    verified_claims(token_of(ec_key(), aud=audience), [issuer(ec_key())])


def test_leeway_is_given_at_the_end() -> None:
    verified_claims(token_of(ec_key(), exp=int(time.time()) - 30), [issuer(ec_key())])


def test_two_issuers_with_one_kid_are_both_tried_to_their_claims() -> None:
    shared = ec_key("same")
    first = issuer(shared, issuers=("https://first.example",))
    second = issuer(shared, issuers=("https://second.example",))
    token = token_of(shared, iss="https://second.example")
    assert verified_claims(token, [first, second])[1] is second
    assert verified_claims(token, [second, first])[1] is second


def test_two_keys_of_one_set_with_one_kid_are_both_tried() -> None:
    old, new = rsa_key("twice"), rsa_key("twice", 3072)
    assert verified_claims(token_of(new, "RS256"), [issuer(old, new)])


def test_a_token_without_a_kid_finds_its_key() -> None:
    key = ec_key(None)
    assert verified_claims(token_of(key), [issuer(rsa_key(), key)])


def test_a_kid_that_is_not_known_is_told_apart() -> None:
    with pytest.raises(UnknownKeyError):
        verified_claims(token_of(ec_key("new")), [issuer(ec_key())])


def part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 7, ["ES256"]])
def test_a_token_does_not_choose_to_be_unsigned(algorithm: Any) -> None:
    unsigned = f"{part({'alg': algorithm, 'kid': 'e1'})}.{part({'sub': 'root'})}."
    with pytest.raises(TokenError):
        verified_claims(unsigned, [issuer(ec_key())])


def test_a_public_key_is_no_secret() -> None:
    # joserfc does not sign with such a secret, so the forgery is made by hand.
    import hashlib
    import hmac

    key = rsa_key()
    assert isinstance(key, RSAKey)
    public = key.as_pem(private=False)
    text = f"{part({'alg': 'HS256', 'kid': 'r1'})}.{part({'sub': 'root', 'iss': ISSUER})}"
    mac = hmac.new(public, text.encode(), hashlib.sha256).digest()
    forged = f"{text}.{urlsafe_b64encode(mac).decode().rstrip('=')}"
    with pytest.raises(TokenError):
        verified_claims(forged, [issuer(rsa_key())])


@pytest.mark.parametrize("head", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_in_the_head_is_not_looked_at(head: str) -> None:
    own = ec_key("mallory")
    value: Any = {"jwk": own.as_dict(), "x5c": ["AA=="]}.get(head, "https://mallory.example/keys")
    forged = token_of(own, head={head: value, "kid": "e1"})
    with pytest.raises(TokenError):
        verified_claims(forged, [issuer(ec_key())])


def test_a_critical_extension_is_refused() -> None:
    token = token_of(ec_key(), head={"b64": True, "crit": ["b64"]})
    with pytest.raises(TokenError, match="extension"):
        verified_claims(token, [issuer(ec_key())])


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", part([]) + "..", part("alg") + ".."]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        verified_claims(text, [issuer(ec_key())])


def test_a_set_gives_its_usable_keys_and_says_what_it_leaves_out() -> None:
    document = key_set(rsa_key(), ec_key())
    document["keys"] += [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "off the curve"},
        {"kty": "Klingon", "kid": "unknown"},
        {**rsa_key("enc").as_dict(private=False), "use": "enc"},
        {"kty": "RSA", "n": "3Q", "e": "AQAB", "kid": "short"},
        "nonsense",
    ]
    keys, problems = read_keys(document)
    assert [key.kid for key in keys] == ["r1", "e1"]
    assert len(problems) == 5


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}])
def test_what_is_no_key_set_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="keys"):
        read_keys(document)


def test_a_configured_secret_signs() -> None:
    secret = "a secret of thirty-two bytes or more, and sixty-four for the longest of them"
    whose = issuer_of(JwksSettings(secret=secret, issuers=(ISSUER,)), [read_secret(secret)], 60)
    assert verified_claims(token_of(OctKey.import_key(secret), "HS256"), [whose])
    with pytest.raises(TokenError):
        verified_claims(token_of(OctKey.import_key(secret), "HS512"), [whose])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"url": "https://x", "file": "y"},
        {"secret": "short"},
        {"url": "https://x", "algorithms": ("HS256",)},
        {"secret": "x" * 32, "algorithms": ("RS256",)},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"one of|at least 32|`secret`"):
        JwksSettings(**settings)


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "read write"}, {"read", "write"}),
        ({"scp": ["read", 7, "write"]}, {"read", "write"}),
        ({"scope": "", "scp": ["x"]}, set()),
        ({"scope": {"read": True}, "scp": "x"}, {"x"}),
        ({}, set()),
    ],
)
def test_scopes_are_a_text_or_a_list(claims: dict[str, Any], scopes: set[str]) -> None:
    assert scopes_of(claims, ("scope", "scp")) == scopes


@pytest.mark.parametrize("name", ["issuers", "audiences"])
@pytest.mark.parametrize("value", ["", "*", " https://api.example", "a\n"])
def test_a_text_that_is_no_claim_is_refused(name: str, value: str) -> None:
    given: dict[str, Any] = {name: ("good", value)}
    with pytest.raises(ValueError, match=f"{name}: .* is compared letter by letter"):
        JwksSettings(file="keys.json", **given)
