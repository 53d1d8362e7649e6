"""What the agent's graph costs beside the models it asks.

    python benchmarks/graph_cost.py [--json OUT]

A round: revise and assess, with a model and a judge that take no time. 64 questions at once:
against a stub over HTTP that takes 1 s a call, by the ideal time of the calls one after the other.
Both as in a batch, and as in threads: with the checkpointer and streamed. The tools are a fake
without server and search.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from agent.graph import Saver, build_agent, follow, work
from agent.state import Limits
from agent.threads import open_threads
from inference.bulk_chat import BulkChat
from inference.chat import Heard, Reply, Sampling, unheard
from inference.endpoint import Endpoint
from inference.errors import ModelError
from inference.messages import Conversation, Message
from inference.openai_compatible import OpenAICompatibleChat
from mcp_server.results import ScoredAnswer
from rubrics.writer import WriterOptions
from tests.agent.fake_tools import FakeTools, criterion

ASKED = Conversation.of("How do I care for a sprained ankle?")
CRITERIA = tuple(criterion(f"item {number}", 5) for number in range(12))
ROUNDS, REPEATS = 10, 15
QUESTIONS, SECONDS_A_CALL, CALLS_EACH = 64, 1.0, 3
STUB = Path(__file__).parent / "stub_server.py"
PORT = 8917


class Instant:
    """A fake model that answers at once, each time with another word more."""

    name = "instant (a fake)"

    def __init__(self) -> None:
        self.calls = 0

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        self.calls += 1
        text = "Rest it, cool it, and raise it. " * 20 + f"Point {self.calls}."
        heard(text)
        return Reply(text=text, completion_tokens=150)


def rising(rounds: int) -> list[str]:
    """Verdicts of which each round meets one more, and none meets all."""
    return ["M" * place + "U" * (len(CRITERIA) - place) for place in range(rounds + 1)]


async def graph_round(saver: Saver | None, thread: str) -> float:
    """Milliseconds of a round, out of a question of many rounds and one of none."""
    took = {}
    for rounds in (0, ROUNDS):
        limits = Limits(rounds=rounds, target=1.0, least_coverage=0)
        tools = FakeTools(CRITERIA, rising(ROUNDS))
        agent = build_agent(Instant(), None, tools, limits, WriterOptions.plain(), saver)
        began = time.perf_counter()
        name = f"{thread}-{rounds}" if saver else ""
        async for event in follow(agent, ASKED, limits, name):
            if event["event"] == "end":
                assert len(event["episode"].attempts) == rounds + 1, event["episode"].stop_reason
        took[rounds] = time.perf_counter() - began
    return 1000 * (took[ROUNDS] - took[0]) / ROUNDS


class ToolsForMany(FakeTools):
    """The fake for many questions at once: each has its own rounds."""

    def __init__(self) -> None:
        super().__init__(CRITERIA, [])
        self._of: dict[str, FakeTools] = {}

    async def score_against_rubric(
        self, conversation: Conversation, *given: Any, **more: Any
    ) -> ScoredAnswer:
        rest = self._of.setdefault(conversation.question, FakeTools(CRITERIA, rising(CALLS_EACH)))
        return await rest.score_against_rubric(conversation, *given, **more)


async def crowd(saver: Saver | None) -> dict[str, float]:
    """Seconds for all questions at once, by the ideal ones."""
    limits = Limits(rounds=CALLS_EACH - 1, target=1.0, least_coverage=0)

    async def one(number: int) -> None:
        asked = Conversation.of(f"{ASKED.question} ({number})")
        if not saver:
            assert len((await work(agent, asked, limits)).attempts) == CALLS_EACH
            return
        async for _ in follow(agent, asked, limits, f"crowd-{number}"):
            pass

    async with model(OpenAICompatibleChat if saver else BulkChat) as chat:
        tools = ToolsForMany()
        plain = WriterOptions.plain()
        agent = build_agent(chat, None, tools, limits, plain, saver, streams=bool(saver))
        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(QUESTIONS)))
        took = time.perf_counter() - began
    ideal = SECONDS_A_CALL * CALLS_EACH
    return {"seconds": took, "ideal seconds": ideal, "ratio": took / ideal}


@asynccontextmanager
async def model(kind: type[OpenAICompatibleChat]) -> AsyncIterator[OpenAICompatibleChat]:
    """The stub, asked once, so that connections and libraries are there."""
    options = ["--port", str(PORT), "--latency", str(SECONDS_A_CALL)]
    stub = await asyncio.create_subprocess_exec(sys.executable, str(STUB), *options)
    chat = kind(Endpoint(base_url=f"http://127.0.0.1:{PORT}/v1", model="stub"))
    try:
        for _ in range(20):
            with suppress(ModelError):
                await chat.complete(ASKED.messages)
                break
        yield chat
    finally:
        await chat.aclose()
        stub.terminate()
        await stub.wait()


async def measured() -> dict[str, float]:
    async with AsyncExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        saver = await opened.enter_async_context(open_threads(Path(folder) / "threads.sqlite"))
        await graph_round(None, "")  # loads what is loaded once
        plain = [await graph_round(None, "") for _ in range(REPEATS)]
        kept = [await graph_round(saver, f"round-{number}") for number in range(REPEATS)]
        found = {
            "round, ms": statistics.median(plain),
            "round with the checkpointer, ms": statistics.median(kept),
        }
        for name, used in (("", None), (" with the checkpointer", saver)):
            for what, figure in (await crowd(used)).items():
                found[f"{QUESTIONS} questions{name}, {what}"] = figure
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", default="", help="write the figures to this file as well")
    given = parser.parse_args()
    found = asyncio.run(measured())
    for name, figure in found.items():
        print(f"{name:<52}{figure:>10.2f}")
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
