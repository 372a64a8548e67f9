"""Quotas in Redis, for all workers and pods: one round trip for each demand, decided by a script in the server.

    <prefix>quota:<policy>:<who>   hash    window: when all that was used will have come back, µs of the server's clock

Demands that come in one turn of the event loop are one command. What is given back waits a moment and goes with others.
While Redis does not answer, nobody waits for it: it is asked beside the requests whether it is there again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from gateway.quotas.windows import Verdict, Window, takes_and_rooms

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger("gateway.quotas")

# A window that is further ahead than twice its length was written by a clock that was put back since, or by nobody who
# knows this script, and so was what is no number: it heals by itself.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at, answers = 1, {}
for i, key in ipairs(KEYS) do
  local count = tonumber(ARGV[at])
  local names, ahead, fits = {}, {}, 1
  for w = 1, count do names[w] = ARGV[at + 4 * w - 3] end
  local back_at = redis.pcall('HMGET', key, unpack(names))
  if back_at.err then
    redis.call('DEL', key)
    back_at = {}
  end
  for w = 1, count do
    local left = (tonumber(back_at[w] or now) or now) - now
    if left ~= left then left = 0 end
    ahead[w] = math.max(0, math.min(left, 2 * tonumber(ARGV[at + 4 * w])))
    if ahead[w] > tonumber(ARGV[at + 4 * w - 1]) then fits = 0 end
  end
  if fits == 1 then
    local stored, longest = {}, 0
    for w = 1, count do
      ahead[w] = math.max(0, ahead[w] + tonumber(ARGV[at + 4 * w - 2]))
      longest = math.max(longest, ahead[w])
      stored[2 * w - 1] = names[w]
      stored[2 * w] = string.format('%.0f', now + ahead[w])
    end
    redis.call('HSET', key, unpack(stored))
    redis.call('PEXPIRE', key, math.ceil(longest / 1000) + 1000)
  end
  local answer = { fits }
  for w = 1, count do answer[w + 1] = math.ceil(ahead[w]) end
  answers[i] = answer
  at = at + 4 * count + 1
end
return answers
"""
DIGEST = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
US = 1_000_000
ALWAYS = 2**53
# Commands under way at a time; what is demanded meanwhile waits for the next one.
MAX_COMMANDS = 4
# Demands of one command: the server does nothing else while it decides them.
MAX_DEMANDS = 200
GIVE_BACK_EVERY_S = 0.05
LOOK_EVERY_S = 0.5
PROBE = [1, "probe", 0, ALWAYS, US]


class StoreAwayError(Exception):
    """Redis does not answer."""


@dataclass(slots=True)
class Demanded:
    """One demand that waits for its command.

    Attributes:
        name: Of the key.
        arguments: Of the script.
        answer: What the script says; None for what is given back, of which nobody is told.
    """

    name: str
    arguments: list[Any]
    answer: asyncio.Future[list[int]] | None = field(default=None)


class RedisWindows:
    """The windows of all clients, in Redis.

    Args:
        redis: The client.
        prefix: What names begin with there.
        timeout_s: How long a demand waits.

    Attributes:
        is_away: Whether Redis does not answer.
        failures: How many commands have failed.
        delay_s: How long what is given back waits.
    """

    delay_s = GIVE_BACK_EVERY_S

    def __init__(self, redis: Redis, prefix: str, timeout_s: float) -> None:
        self._redis = redis
        self._prefix = prefix + "quota:"
        self._timeout_s = timeout_s
        self._waiting: list[Demanded] = []
        self._given_back: dict[str, tuple[Sequence[Window], list[float]]] = {}
        self._commands: set[asyncio.Task[None]] = set()
        self._is_scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self.is_away = False
        self.failures = 0

    async def take(
        self, key: str, windows: Sequence[Window], requests: float, cost: float
    ) -> Verdict:
        """Admit a demand, or refuse it whole. Errors: StoreAwayError."""
        if self.is_away:
            raise StoreAwayError
        takes, rooms = takes_and_rooms(windows, requests, cost)
        arguments = _arguments(windows, takes, rooms)
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._put(Demanded(self._prefix + key, arguments, answer))
        fits, *ahead = await answer
        return Verdict(bool(fits), windows, [us / US for us in ahead], rooms)

    def give_back(self, key: str, windows: Sequence[Window], back_s: Sequence[float]) -> None:
        """Let each window go back by so much, soon; forward where it is negative."""
        if self.is_away:
            return  # nobody knows what is counted there by then
        _, before_s = self._given_back.get(key, (windows, [0.0] * len(windows)))
        both_s = [before + back for before, back in zip(before_s, back_s, strict=True)]
        self._given_back[key] = windows, both_s
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GIVE_BACK_EVERY_S, self._give_back_now)

    def _give_back_now(self) -> None:
        self._timer = None
        given, self._given_back = self._given_back, {}
        for key, (windows, back_s) in given.items():
            takes = [-back for back in back_s]
            arguments = _arguments(windows, takes, [ALWAYS / US] * len(windows))
            self._put(Demanded(self._prefix + key, arguments))

    def _put(self, demanded: Demanded) -> None:
        self._waiting.append(demanded)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        """Send what waits, as far as commands may be under way."""
        self._is_scheduled = False
        while self._waiting and len(self._commands) < MAX_COMMANDS:
            batch, self._waiting = self._waiting[:MAX_DEMANDS], self._waiting[MAX_DEMANDS:]
            command = asyncio.create_task(self._command(batch))
            self._commands.add(command)
            command.add_done_callback(self._sent)

    def _sent(self, command: asyncio.Task[None]) -> None:
        self._commands.discard(command)
        if self._waiting and not self._is_scheduled:
            self._send()

    async def _command(self, batch: list[Demanded]) -> None:
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._decide(batch)
        except (RedisError, OSError, TimeoutError) as exc:
            self._fail(batch, exc)
            return
        for demanded, answer in zip(batch, answers, strict=True):
            if demanded.answer is not None and not demanded.answer.done():
                demanded.answer.set_result(answer)

    async def _decide(self, batch: list[Demanded]) -> list[list[int]]:
        from redis.exceptions import NoScriptError

        given = [demanded.name for demanded in batch]
        given += [argument for demanded in batch for argument in demanded.arguments]
        redis: Any = self._redis
        try:
            answers: list[list[int]] = await redis.evalsha(DIGEST, len(batch), *given)
        except NoScriptError:  # the server is new
            answers = await redis.eval(SCRIPT, len(batch), *given)
        return answers

    def _fail(self, batch: list[Demanded], why: Exception) -> None:
        """Redis does not answer: nobody waits for it any more until it does."""
        self.failures += 1
        waiting, self._waiting = self._waiting, []
        for demanded in (*batch, *waiting):
            if demanded.answer is not None and not demanded.answer.done():
                demanded.answer.set_exception(StoreAwayError())
        if not self.is_away:
            self.is_away = True
            self._given_back.clear()
            logger.warning("quotas are not counted in Redis: %s", str(why) or type(why).__name__)
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Ask until it answers, with the script: a server that is full, or read only, answers a ping."""
        from redis.exceptions import RedisError

        while self.is_away:
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(self._timeout_s):
                    await self._decide([Demanded(self._prefix + "probe", PROBE)])
                self.is_away = False
        logger.warning("quotas are counted in Redis again")

    async def aclose(self) -> None:
        """End what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        self.is_away = False
        tasks = [*self._commands, *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _arguments(
    windows: Sequence[Window], takes: Sequence[float], rooms: Sequence[float]
) -> list[Any]:
    """One demand as the script reads it: times in µs, whole."""
    found: list[Any] = [len(windows)]
    for window, taken, room in zip(windows, takes, rooms, strict=True):
        found += (window.title, round(taken * US), round(room * US), round(window.seconds * US))
    return found
