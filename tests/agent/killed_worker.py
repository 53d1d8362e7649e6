"""Works on one thread and dies at a point it is told; what it asked of models is written down."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from agent.graph import build_agent, follow
from agent.state import Limits
from agent.threads import open_threads, thread_of
from inference.chat import Reply
from inference.messages import Conversation
from tests.agent.fake_tools import FakeTools, criterion

ASKED = Conversation.of("How do I care for a sprained ankle?")
CRITERIA = (criterion("cools", 6), criterion("rests", 4), criterion("lifts", 3))
LIMITS = Limits(target=1.0, rounds=3)


class Doomed:
    """Counts the points at which it could die, and dies at one."""

    def __init__(self, folder: Path, dies_at: int) -> None:
        self._calls, self._dies_at, self._points = folder / "calls", dies_at, 0

    def did(self, what: str) -> None:
        with self._calls.open("a", encoding="utf-8") as file:
            file.write(what + "\n")
        self.point()

    def point(self) -> None:
        self._points += 1
        if self._points == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, dies_at: int) -> None:
    asyncio.run(_work(folder, Doomed(folder, dies_at)))


async def _work(folder: Path, doomed: Doomed) -> None:
    class Policy:
        name = "scripted"

        async def complete(self, messages: Any, *_: Any, **__: Any) -> Reply:
            # Depends on what it is asked alone, as a greedy model does.
            round = messages[0].content.count("Better") + messages[0].content.count("<keep>")
            doomed.did(f"policy-{round}")
            return Reply(text="Better " * (round + 1))

    class Tools(FakeTools):
        async def score_against_rubric(self, *asked: Any, **how: Any) -> Any:
            met = min(3, asked[1].count("Better"))
            doomed.did(f"judge-{met}")
            self.rounds = ["M" * met + "U" * (3 - met)]
            return await super().score_against_rubric(*asked, **how)

    async with open_threads(folder / "threads.sqlite") as saver:
        agent = build_agent(Policy(), None, Tools(CRITERIA, ["U"]), LIMITS, checkpointer=saver)
        thread = await thread_of(agent, "t")
        given = ASKED if thread.status == "new" else None
        async for event in follow(agent, given, LIMITS, "t"):
            doomed.point()
            if event["event"] == "end":
                (folder / "answer").write_text(event["episode"].answer, encoding="utf-8")
