"""API keys: their text, what is kept of them, and when they are taken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.api_keys import (
    ApiKey,
    ApiKeys,
    digest_of_key,
    make_key,
    read_api_keys,
    split_key,
    write_api_keys,
)
from gateway.auth.authenticator import Authenticator
from gateway.auth.leases import Leases
from gateway.auth.principal import Principal
from gateway.auth.settings import ApiKeySettings, AuthenticationSettings, AuthorizationSettings
from gateway.errors import ClientError, ConfigError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def kept(text: str, **more: Any) -> ApiKey:
    parts = split_key(text)
    assert parts is not None
    return ApiKey(
        **{"id": parts.id, "client": "acme", "digest": digest_of_key(text), "created": NOW, **more}
    )


class Keys:
    """A file of keys and who takes them, at a time that stands still."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "keys.json"
        self.now = NOW.timestamp()
        self.write()
        settings = AuthenticationSettings(api_keys=ApiKeySettings(file="keys.json"))
        self.auth = Authenticator(settings, AuthorizationSettings(), folder, lambda: self.now)

    def write(self, *keys: ApiKey) -> None:
        self.file.write_bytes(write_api_keys(ApiKeys(keys)))

    async def use(self, *keys: ApiKey) -> None:
        self.write(*keys)
        assert self.auth.keys is not None
        await self.auth.keys.look()

    def who(self, text: str, address: str = "192.0.2.7") -> Principal | str:
        try:
            found = self.auth.authenticate({"x-api-key": text}, address)
        except ClientError as exc:
            return f"{exc.http_status} {exc.message}"
        assert isinstance(found, Principal)
        return found


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


async def test_a_key_says_who_comes_and_what_it_may_do(keys: Keys) -> None:
    text, id_ = make_key("gw", "live")
    await keys.use(kept(text, scopes=("read",)))
    found = keys.who(text)
    assert isinstance(found, Principal)
    assert (found.id, found.kind, found.client, found.key) == ("acme", "client", "acme", id_)
    assert set(found.scopes) == {"read"}


@pytest.mark.parametrize("more", [{"view": "partner"}, {"limits": "gold"}])
async def test_a_key_with_bounds_that_nobody_knows_is_not_taken_without_them(
    keys: Keys, more: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    text, other = make_key("gw", "live")[0], make_key("gw", "live")[0]
    await keys.use(kept(text, **more), kept(other))
    assert "what it names is not configured" in str(keys.who(text))
    assert "is not configured anywhere" in caplog.text
    assert isinstance(keys.who(other), Principal)
    caplog.clear()
    await keys.use(kept(text, **more, revoked=NOW), kept(other, revoked=NOW))
    assert "not configured" not in caplog.text
    assert "it is not valid any more" in str(keys.who(other))


async def test_keys_overlap_while_they_are_rotated(keys: Keys) -> None:
    old, new = make_key("gw", "live")[0], make_key("gw", "live")[0]
    await keys.use(
        kept(old, not_after=NOW + timedelta(hours=1)),
        kept(new, not_before=NOW + timedelta(minutes=30)),
    )

    def taken() -> list[bool]:
        return [isinstance(keys.who(text), Principal) for text in (old, new)]

    assert taken() == [True, False]
    keys.now += 1800
    assert taken() == [True, True]
    keys.now += 1800
    assert taken() == [False, True]


async def test_a_key_that_is_taken_back_ends_at_the_next_look(keys: Keys) -> None:
    text, _ = make_key("gw", "live")
    await keys.use(kept(text))
    principal = keys.who(text)
    assert isinstance(principal, Principal)
    lease = keys.auth.leases.grant(principal)
    assert lease is not None
    await keys.use(kept(text, revoked=NOW))
    assert "not valid any more" in str(keys.who(text))
    assert lease.ended.is_set()


async def test_a_key_may_be_bound_to_networks(keys: Keys) -> None:
    text, _ = make_key("gw", "live")
    await keys.use(kept(text, cidrs=("192.0.2.0/24", "2001:db8::/32")))
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1:2::3", "2001:db8::1%eth0"):
        assert isinstance(keys.who(text, address), Principal)
    for address in ("192.0.3.1", "2001:db9::1", "", "::1", "192.0.2.0/24"):
        assert "from this address" in str(keys.who(text, address))


async def test_only_who_has_the_secret_learns_what_else_is_wrong(keys: Keys) -> None:
    text, id_ = make_key("gw", "live")
    await keys.use(kept(text, cidrs=("192.0.2.0/24",), revoked=NOW))
    other, _ = make_key("gw", "live")
    from zlib import crc32

    body = f"gw_live_{id_}_{'A' * 26}"
    guessed = f"{body}_{crc32(body.encode()):08x}"
    unknown = keys.who(other, "10.0.0.1")
    assert (
        keys.who(guessed, "10.0.0.1")
        == unknown
        == "401 The API key is not accepted: it is not known."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: text[::-1],
        lambda text: text + "x",
        lambda text: text.replace("_", "-"),
        lambda text: text.upper(),
        lambda _text: "",
        lambda text: text * 100,
        lambda text: text[:10] + "é" + text[11:],
    ],
)
async def test_a_mistyped_key_is_refused_without_a_look_up(keys: Keys, change: Any) -> None:
    text, _ = make_key("gw", "live")
    await keys.use(kept(text))
    assert keys.who(change(text)) == "401 The API key is not accepted: it is not whole."


async def test_a_key_of_another_environment_is_refused(keys: Keys) -> None:
    text, _ = make_key("gw", "test")
    await keys.use(kept(text))
    assert "another environment" in str(keys.who(text))


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    split_key(text)


def test_a_key_has_128_random_bits_and_no_secret_is_kept() -> None:
    texts = {make_key("gw", "live")[0] for _ in range(100)}
    assert len(texts) == 100
    for text in texts:
        parts = split_key(text)
        assert parts is not None
        assert 26 * 5.95 > 128
        assert len(parts.secret) == 26
        assert parts.secret.encode() not in write_api_keys(ApiKeys((kept(text),)))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"digest": "abc"}, "64 hexadecimal"),
        ({"cidrs": ("10.0.0.1/8",)}, "host bits"),
        ({"not_after": datetime(2026, 1, 1)}, "time zone"),
    ],
)
def test_a_file_of_no_use_is_refused(more: dict[str, Any], why: str) -> None:
    text, _ = make_key("gw", "live")
    with pytest.raises(ValueError, match=why):
        read_api_keys(write_api_keys(ApiKeys((kept(text, **more),))))


def test_an_id_that_stands_twice_is_refused() -> None:
    key = kept(make_key("gw", "live")[0])
    with pytest.raises(ValueError, match="twice"):
        read_api_keys(write_api_keys(ApiKeys((key, key))))


async def test_a_file_that_breaks_leaves_the_keys_as_they_were(
    keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    text, _ = make_key("gw", "live")
    await keys.use(kept(text))
    assert keys.auth.keys is not None
    keys.file.write_bytes(b'{"keys": [{"id": "')
    await keys.auth.keys.look()
    keys.file.unlink()
    await keys.auth.keys.look()
    assert isinstance(keys.who(text), Principal)
    assert "is invalid" in caplog.text
    assert "cannot be read" in caplog.text


def test_a_file_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    settings = AuthenticationSettings(api_keys=ApiKeySettings(file="none.json"))
    with pytest.raises(ConfigError, match=r"authentication\.api_keys\.file"):
        Authenticator(settings, AuthorizationSettings(), tmp_path)


async def test_ten_thousand_keys_take_ten_megabytes_at_most(keys: Keys) -> None:
    import tracemalloc

    many = [
        kept(make_key("gw", "live")[0], client=f"client {number}", scopes=("read", "write"))
        for number in range(10_000)
    ]
    text = write_api_keys(ApiKeys(tuple(many)))
    del many
    tracemalloc.start()
    keys.auth._use_keys(keys.auth._ring.parse(text))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 10_000_000


async def test_a_lease_ends_with_its_token() -> None:
    now = [1000.0]
    leases = Leases(lambda: now[0], lambda principal: principal.expires)
    assert leases.grant(Principal()) is None
    lease = leases.grant(Principal(kind="user", expires=1000.01))
    assert lease is not None
    assert not lease.ended.is_set()
    now[0] = 1001.0
    await asyncio.wait_for(lease.ended.wait(), 10)
    leases.release(lease)
    over = leases.grant(Principal(kind="user", expires=1000.0))
    assert over is not None
    assert over.ended.is_set()
