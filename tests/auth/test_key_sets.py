"""Key sets of a real server that rotates, hangs, fails and answers garbage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from gateway.auth.authenticator import Authenticator
from gateway.auth.key_sets import KeySet
from gateway.auth.principal import Principal
from gateway.auth.settings import (
    AuthenticationSettings,
    AuthorizationSettings,
    JwksSettings,
    JwtSettings,
    RefreshSettings,
)
from gateway.errors import ClientError, ConfigError
from tests.auth.issuing import AUDIENCE, ISSUER, ec_key, key_set, okp_key, rsa_key, token_of
from tests.support.backend import Answer, Backend, backend


class Issuing:
    """What the issuer's server answers next."""

    def __init__(self, *keys: Any) -> None:
        self.answer: Any = key_set(*keys)
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def __call__(self, _asked: Any) -> Any:
        await self.hangs.wait()
        return self.answer


@asynccontextmanager
async def authenticating(
    issuing: Issuing, refresh: RefreshSettings | None = None, **settings: Any
) -> AsyncIterator[tuple[Authenticator, Backend]]:
    async with backend(issuing) as server:
        jwks = JwksSettings(
            url=f"{server.url}/keys",
            issuers=(ISSUER,),
            audiences=(AUDIENCE,),
            refresh_unknown_kid=refresh or RefreshSettings(),
            **settings,
        )
        auth = Authenticator(
            AuthenticationSettings(jwt=JwtSettings(jwks=(jwks,))), AuthorizationSettings(), Path()
        )
        await auth.open()
        try:
            yield auth, server
        finally:
            await auth.aclose()


async def who(auth: Authenticator, token: str) -> Principal:
    found = auth.authenticate({"authorization": f"Bearer {token}"})
    return found if isinstance(found, Principal) else await found()


def set_of(auth: Authenticator) -> KeySet:
    assert auth.tokens is not None
    return auth.tokens.key_sets[0]


async def refused(auth: Authenticator, token: str) -> ClientError:
    with pytest.raises(ClientError) as caught:
        await who(auth, token)
    return caught.value


async def test_a_token_of_a_rotated_key_is_taken_at_once() -> None:
    issuing = Issuing(ec_key())
    async with authenticating(issuing) as (auth, server):
        assert (await who(auth, token_of(ec_key()))).id == "alice"
        issuing.answer = key_set(ec_key("next"))
        assert (await who(auth, token_of(ec_key("next"), sub="bob"))).id == "bob"
        assert len(server.asked) == 2


async def test_keys_without_ids_rotate_too() -> None:
    old, new = ec_key(None), ec_key(None, "P-384")
    issuing = Issuing(old)
    async with authenticating(issuing, algorithms=("ES256", "ES384")) as (auth, server):
        assert (await who(auth, token_of(old))).id == "alice"
        issuing.answer = key_set(new)
        assert (await who(auth, token_of(new, "ES384", sub="bob"))).id == "bob"
        assert (await refused(auth, token_of(old))).http_status == 401
        assert len(server.asked) == 3


@pytest.mark.filterwarnings(
    "ignore:EdDSA is deprecated"
)  # of the issuer, who signs by the former name
@pytest.mark.parametrize("named", [None, "EdDSA", "Ed25519"])
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("taken", [(), ("EdDSA",), ("Ed25519",)])
async def test_tokens_by_edwards_curves_are_taken_by_either_name(
    algorithm: str, named: str | None, taken: tuple[str, ...]
) -> None:
    published = key_set(okp_key(), ec_key())
    published["keys"].append(OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=False))
    if named is not None:
        published["keys"][0]["alg"] = named
    issuing = Issuing()
    issuing.answer = published
    async with authenticating(issuing, algorithms=taken) as (auth, _):
        token = token_of(okp_key(), algorithm)
        assert (await who(auth, token)).id == "alice"
        head, claims, signature = token.split(".")
        for wrong in (f"{head}.{claims}.{signature[:-4]}AAAA", f"{head}.{claims}x.{signature}"):
            assert (await refused(auth, wrong)).http_status == 401


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("taken", "is_taken"), [((), False), (("Ed25519",), False), (("EdDSA",), True)]
)
async def test_the_other_edwards_curve_has_to_be_asked_for(
    taken: tuple[str, ...], is_taken: bool
) -> None:
    key = OKPKey.generate_key("Ed448", {"kid": "o1"})
    async with authenticating(Issuing(key, ec_key()), algorithms=taken) as (auth, _):
        if is_taken:
            assert (await who(auth, token_of(key, "EdDSA"))).id == "alice"
        else:
            assert (await refused(auth, token_of(key, "EdDSA"))).http_status == 401


async def test_what_a_withdrawn_key_has_signed_is_not_taken_from_memory() -> None:
    issuing = Issuing(ec_key(), ec_key("other"))
    async with authenticating(issuing) as (auth, _):
        token = token_of(ec_key())
        assert (await who(auth, token)).id == "alice"
        issuing.answer = key_set(ec_key("other"))
        await set_of(auth).refresh()
        assert (await refused(auth, token)).code == "UNAUTHENTICATED"


async def test_a_thousand_unknown_keys_cost_a_few_fetches() -> None:
    refresh = RefreshSettings(burst=3, interval_s=1000)
    async with authenticating(Issuing(ec_key()), refresh) as (auth, server):
        made = ec_key("mallory")
        tokens = [token_of(made, head={"kid": f"k{number}"}) for number in range(1000)]
        errors = await asyncio.gather(*(refused(auth, token) for token in tokens))
        assert {error.http_status for error in errors} == {401}
        assert len(server.asked) <= 1 + refresh.burst


async def test_whoever_sends_junk_leaves_fetches_to_others() -> None:
    refresh = RefreshSettings(burst=4, interval_s=1000)
    issuing = Issuing(ec_key())
    async with authenticating(issuing, refresh) as (auth, server):
        unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.AA"
        assert (await refused(auth, unsigned)).http_status == 401
        assert len(server.asked) == 1
        made = ec_key("mallory")
        for number in range(20):
            await refused(auth, token_of(made, head={"kid": f"k{number}"}))
        assert len(server.asked) == 3
        issuing.answer = key_set(ec_key("next"))
        found = auth.authenticate({"authorization": f"Bearer {token_of(ec_key('next'))}"}, "b")
        assert not isinstance(found, Principal)
        assert (await found()).id == "alice"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>", 200),
        Answer({"error": "down"}, 503),
        Answer({"keys": [{"kty": "oct", "k": "AAAA"}]}),
        Answer({"moved": True}, 302, (("location", "http://127.0.0.1:1/keys"),)),
        Answer(b"[" * 100_000),
        Answer(b'{"keys": "' + b"x" * 1_100_000 + b'"}'),
    ],
)
async def test_the_last_good_set_is_kept(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    issuing = Issuing(ec_key())
    async with authenticating(issuing) as (auth, _):
        issuing.answer = answer
        assert not await set_of(auth).refresh()
        assert (await who(auth, token_of(ec_key()))).id == "alice"
        assert "cannot be fetched" in caplog.text


@pytest.mark.parametrize("left", [[], [{"kty": "RSA", "use": "enc"}]])
async def test_a_set_without_keys_withdraws_all_of_them(left: list[Any]) -> None:
    issuing = Issuing(ec_key())
    async with authenticating(issuing) as (auth, _):
        principal = await who(auth, token_of(ec_key()))
        lease = auth.leases.grant(principal)
        assert lease is not None
        issuing.answer = {"keys": left}
        assert await set_of(auth).refresh()
        assert (await refused(auth, token_of(ec_key()))).http_status == 401
        assert lease.ended.is_set()


async def test_a_set_that_is_too_old_is_not_believed() -> None:
    now = [0.0]
    async with authenticating(Issuing(ec_key())) as (auth, server):
        key_set_ = set_of(auth)
        key_set_._clock = lambda: now[0]
        await key_set_.refresh()
        server.answers = {"/keys": Answer({}, 500)}
        now[0] = 86_401.0
        error = await refused(auth, token_of(ec_key()))
        assert (error.http_status, error.headers["retry-after"]) == (503, "5")


async def test_what_is_remembered_is_not_believed_longer_than_the_set() -> None:
    now = [0.0]
    async with authenticating(Issuing(ec_key())) as (auth, server):
        key_set_ = set_of(auth)
        key_set_._clock = lambda: now[0]
        await key_set_.refresh()
        principal = await who(auth, token_of(ec_key()))
        token = next(iter(auth._known_tokens))
        lease = auth.leases.grant(principal)
        assert lease is not None
        server.answers = {"/keys": Answer({}, 500)}
        now[0] = 86_401.0
        await key_set_.refresh()
        assert (await refused(auth, token)).http_status == 503
        assert lease.ended.is_set()


async def test_before_the_first_set_a_token_is_503_not_401() -> None:
    issuing = Issuing(ec_key())
    good, issuing.answer = issuing.answer, Answer({}, 500)
    async with authenticating(issuing) as (auth, _):
        assert (await refused(auth, token_of(ec_key()))).http_status == 503
        issuing.answer = good
        assert (await who(auth, token_of(ec_key()))).id == "alice"


async def test_a_server_that_hangs_delays_neither_the_start_nor_a_request_for_long() -> None:
    issuing = Issuing(ec_key())
    issuing.hangs.clear()
    refresh = RefreshSettings(max_wait_s=0.05)
    async with authenticating(issuing, refresh, timeout_s=0.1) as (auth, _):
        assert (await refused(auth, token_of(ec_key()))).http_status == 503
        issuing.hangs.set()
        await set_of(auth).refresh()
        assert (await who(auth, token_of(ec_key()))).id == "alice"


async def test_readiness_waits_for_keys_where_it_is_told_to() -> None:
    issuing = Issuing(ec_key())
    good, issuing.answer = issuing.answer, Answer({}, 500)
    async with authenticating(issuing) as (auth, _):
        before = auth.is_ready
        auth._jwt = JwtSettings(jwks=auth._jwt.jwks, wait_for_keys=True)
        waiting = auth.is_ready
        issuing.answer = good
        await set_of(auth).refresh()
        assert (before, waiting, auth.is_ready) == (True, False, True)


async def test_a_set_in_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(key_set(ec_key())))
    jwks = JwksSettings(file="keys.json", issuers=(ISSUER,))
    settings = AuthenticationSettings(jwt=JwtSettings(jwks=(jwks,)))
    auth = Authenticator(settings, AuthorizationSettings(), tmp_path)
    assert (await who(auth, token_of(ec_key()))).id == "alice"
    watched = set_of(auth)._file
    assert watched is not None
    file.write_text("{")
    await watched.look()
    assert (await who(auth, token_of(ec_key(), sub="bob"))).id == "bob"
    new = tmp_path / "new.json"
    new.write_text(json.dumps(key_set(rsa_key())))
    new.replace(file)
    await watched.look()
    assert (await refused(auth, token_of(ec_key()))).http_status == 401
    assert (await who(auth, token_of(rsa_key(), "RS256"))).id == "alice"


@pytest.mark.parametrize("text", ["[]", '{"keys": []}'])
def test_a_file_that_is_no_key_set_ends_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    settings = AuthenticationSettings(jwt=JwtSettings(jwks=(JwksSettings(file="keys.json"),)))
    with pytest.raises(ConfigError, match=r"authentication\.jwt\.jwks\.0\.file"):
        Authenticator(settings, AuthorizationSettings(), tmp_path)
