"""Row C7: twelve faults of a model server, through a proxy, by both adapters."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from inference import openai_compatible
from inference.breaker import Breaker
from inference.bulk_chat import BulkChat
from inference.chat import Reply, Sampling
from inference.endpoint import Endpoint
from inference.errors import ModelError, ModelUnreachable
from inference.messages import Message
from inference.openai_compatible import OpenAICompatibleChat
from tests.fake_server import serving
from tests.reliability.fault_proxy import KINDS, FaultProxy, fault_proxy
from tests.reliability.rows import settle, spread

pytestmark = pytest.mark.reliability

TRIALS, AT_ONCE = 25, 5
DEADLINE_SECONDS, SLACK_SECONDS = 1.0, 1.0  # slack: for two busy processors
RECOVERED_WITHIN_SECONDS = 2.0
MOST_FAILURES = 5
UNREACHABLE = ("refuse", "reset mid-body", "stall", "drip", "HTML 502", "slow headers")
"""Faults after which the breaker has to be open; to the others the server has answered."""

ASKED = [Message(role="user", content="My father has had chest pain for an hour.")]
ANSWER = "Call 112 now, sit him down, and stay with him until help has come."


@dataclass
class Seen:
    """What the trials of all kinds came to."""

    calls: int = 0
    over_deadline_seconds: float = 0.0
    recovery_seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@pytest.mark.parametrize("adapter", [OpenAICompatibleChat, BulkChat])
async def test_no_fault_of_a_server_hangs_lies_or_lasts(
    adapter: type[OpenAICompatibleChat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_compatible, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("inference.langchain_chat.MOST_REPLY_BYTES", 2**20)
    monkeypatch.setattr("inference.bulk_chat.MOST_REPLY_BYTES", 2**20)
    seen, places = Seen(), asyncio.Semaphore(AT_ONCE)

    async def trial(kind: str, number: int) -> None:
        async with places, fault_proxy(upstream) as proxy:
            endpoint = Endpoint(
                base_url=proxy.base_url, model="m", longest_wait_seconds=DEADLINE_SECONDS
            )
            async with aclosing(adapter(endpoint)) as chat:
                clock = _Clock()
                breaker = Breaker(chat, clock)
                await _Trial(kind, proxy, breaker, clock, number % 2 == 1, seen).run()

    with serving(ANSWER) as fake:
        upstream = int(fake.base_url.split(":")[2].split("/")[0])
        async with aclosing(adapter(Endpoint(base_url=fake.base_url, model="m"))) as chat:
            await chat.complete(ASKED)  # what is slow the first time is done
        for kind in KINDS:
            await asyncio.gather(*(trial(kind, number) for number in range(TRIALS)))

    assert len(KINDS) == 12
    settle(
        f"C7 model faults, {adapter.__name__}",
        len(KINDS) * TRIALS,
        seen.failures,
        f"{seen.calls:,} calls in a fault, at most {1000 * seen.over_deadline_seconds:.0f} ms over"
        f" the deadline, recovery {spread(seen.recovery_seconds)}",
        f"0 hangs, 0 wrong results, recovery {RECOVERED_WITHIN_SECONDS:g} s, breaker opens by"
        f" {MOST_FAILURES} failures",
    )


class _Clock:
    """Stands still while it is held, so that a slow processor is not taken for a pause."""

    def __init__(self) -> None:
        self.held: float | None = None

    def __call__(self) -> float:
        return time.monotonic() if self.held is None else self.held


@dataclass
class _Trial:
    kind: str
    proxy: FaultProxy
    breaker: Breaker
    clock: _Clock
    streams: bool
    seen: Seen

    async def run(self) -> None:
        await self.breaker.complete(ASKED)  # all is well
        await self.proxy.become(self.kind)
        self.clock.held = time.monotonic()
        said = await asyncio.gather(*(self._call() for _ in range(MOST_FAILURES)))
        if self.kind in UNREACHABLE:
            if not all(isinstance(one, ModelUnreachable) for one in said):
                self._note(f"not all were unreachable: {said}")
            await self._fail_at_once()
        self.clock.held = None
        await self.proxy.become("")
        await self._recover()

    async def _call(self) -> Reply | ModelError:
        """One call in a fault, timed."""
        pieces: list[str] = []
        began = time.monotonic()
        try:
            said: Reply | ModelError = await asyncio.wait_for(
                self._ask(pieces), DEADLINE_SECONDS + SLACK_SECONDS
            )
        except ModelError as error:
            said = error
        except TimeoutError:
            said = ModelError("hangs")
            self._note("a call hangs past its deadline")
        over = time.monotonic() - began - DEADLINE_SECONDS
        self.seen.calls += 1
        self.seen.over_deadline_seconds = max(self.seen.over_deadline_seconds, over)
        if isinstance(said, Reply):
            self._note(f"a wrong result: {said}")
        if not ANSWER.startswith("".join(pieces)):
            self._note(f"wrong pieces: {pieces}")
        return said

    async def _ask(self, pieces: list[str]) -> Reply:
        if self.streams:
            return await self.breaker.complete(ASKED, Sampling(), None, pieces.append)
        return await self.breaker.complete(ASKED)

    async def _fail_at_once(self) -> None:
        before = self.proxy.connections
        try:
            await self.breaker.complete(ASKED)
        except ModelUnreachable as error:
            if "has not answered for" in str(error) and self.proxy.connections == before:
                return
        self._note("the breaker is not open")

    async def _recover(self) -> None:
        """Ask until the answer comes, and whole."""
        began = time.monotonic()
        while time.monotonic() - began < 2 * RECOVERED_WITHIN_SECONDS:
            try:
                reply = await self.breaker.complete(ASKED)
                break
            except ModelUnreachable:
                await asyncio.sleep(0.02)
        else:
            self._note("no recovery")
            return
        took = time.monotonic() - began
        self.seen.recovery_seconds.append(took)
        if reply.text != ANSWER:
            self._note(f"a wrong result after the fault: {reply}")
        if took > RECOVERED_WITHIN_SECONDS:
            self._note(f"recovery took {took:.1f} s")

    def _note(self, what: str) -> None:
        self.seen.failures.append(f"{self.kind}{', streamed' if self.streams else ''}: {what}")
