"""Row A7, the rest: no call outlasts its time, and progress is orderly."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.hanging_judge import HangingJudge, hanging
from tests.reliability.raw_stdio import Heard, RawStdio, started
from tests.reliability.rows import settle, spread
from tests.reliability.test_cancellation import WARM_SECONDS, asked_of, names, scoring

pytestmark = pytest.mark.reliability

BUDGETS = (0.5, 1.0, 2.0, 4.0)
EACH = 5
SHARE, SLACK_SECONDS = 0.1, 0.3  # beyond the budget; the slack is for the way there and back
COLD_SECONDS = 2.0  # beyond the budget, while the server is still loading
CRITERIA, ROUNDS = 8, 10


async def timed(client: RawStdio, tool: str, asked: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Seconds until the answer, and the score in it."""
    begun = time.monotonic()
    said = await client.call(tool, asked, seconds=60)
    scored: dict[str, Any] = said["structuredContent"]
    return time.monotonic() - begun, scored


def late(budget: float, seconds: float, beyond: float, status: str) -> list[str]:
    if seconds <= budget + beyond and status == "partial":
        return []
    return [f"{status} after {seconds:.2f} s of {budget:g} s"]


async def test_a_call_answers_when_its_time_is_over(tmp_path: Path) -> None:
    over: list[float] = []
    wrong: list[str] = []

    async def spend(client: RawStdio, budget: float) -> None:
        (name,) = names(1)
        asked = scoring(name, budget_seconds=budget)["arguments"]
        seconds, scored = await timed(client, "score_against_rubric", asked)
        again = {"job_id": scored["job_id"], "budget_seconds": budget}
        more_seconds, more = await timed(client, "get_score", again)
        for one, status in ((seconds, scored["status"]), (more_seconds, more["status"])):
            over.append(one - budget)
            wrong.extend(late(budget, one, SHARE * budget + SLACK_SECONDS, status))

    async with hanging() as judge, started(tmp_path, **judge.settings) as client:
        cold, scored = await timed(
            client, "score_against_rubric", scoring("cold", budget_seconds=1)["arguments"]
        )
        wrong += late(1, cold, COLD_SECONDS, scored["status"])
        await client.call("get_health_principles", {"question": "chest pain"}, WARM_SECONDS)
        async with asyncio.TaskGroup() as tasks:
            for budget in BUDGETS * EACH:
                tasks.create_task(spend(client, budget))
        await client.end()
        await judge.until_alone()  # the jobs ended with the server

    settle(
        "A7 time budgets",
        len(over) + 1,
        wrong,
        f"beyond the budget: {spread(over)}; while loading {1000 * (cold - 1):.0f} ms",
        f"10 % and {1000 * SLACK_SECONDS:.0f} ms; while loading {COLD_SECONDS:g} s",
    )


async def test_progress_grows_and_ends_with_the_result(tmp_path: Path) -> None:
    wrong: list[str] = []
    notices = 0
    async with hanging() as judge, started(tmp_path, **judge.settings) as client:
        await client.call("get_health_principles", {"question": "chest pain"}, WARM_SECONDS)
        for turn in range(ROUNDS):
            client.unasked.clear()
            reply = await (cut_short if turn % 2 else to_the_end)(client, judge, turn)
            notices += len(client.unasked)
            wrong += disorder(client.unasked, reply, turn)
        await client.end()

    settle(
        "A7 progress",
        ROUNDS,
        wrong,
        f"{notices} notices",
        "growing, and none after the result",
    )


async def begun(
    client: RawStdio, judge: HangingJudge, turn: int, **also: Any
) -> "asyncio.Future[Heard]":
    """A call that asks a judge about each criterion by itself, and wants progress."""
    (name,) = names(1)
    call = scoring(name, CRITERIA, mode="single", **also) | {"_meta": {"progressToken": turn}}
    reply = await client.begin("tools/call", call)
    await asked_of(judge, [f"{name} part {part}" for part in range(CRITERIA)])
    return reply


async def to_the_end(client: RawStdio, judge: HangingJudge, turn: int) -> Heard:
    reply = await begun(client, judge, turn)
    for answered in range(1, CRITERIA):
        judge.let_answer()
        await client.until_unasked(answered)
    judge.let_answer()
    heard = await asyncio.wait_for(reply, 20)
    await client.ask("ping", {})
    return heard


async def cut_short(client: RawStdio, judge: HangingJudge, turn: int) -> Heard:
    """The time is over after three criteria; the others are judged in the background."""
    reply = await begun(client, judge, turn, budget_seconds=3)
    for answered in range(1, 4):
        judge.let_answer()
        await client.until_unasked(answered)
    heard = await asyncio.wait_for(reply, 20)
    judge.let_answer(CRITERIA - 3)
    rest = {"job_id": scored_in(heard)["job_id"], "budget_seconds": 20}
    assert (await timed(client, "get_score", rest))[1]["status"] == "complete"
    return heard


def scored_in(heard: Heard) -> dict[str, Any]:
    assert heard.message is not None
    scored: dict[str, Any] = heard.message["result"]["structuredContent"]
    return scored


def disorder(notices: list[Heard], reply: Heard, turn: int) -> list[str]:
    """What is wrong with the notices of one call."""
    said = [(heard.message or {}).get("params", {}) for heard in notices]
    steps = [one.get("progress", 0) for one in said]
    wrong = [] if all(one.get("progressToken") == turn for one in said) else ["a foreign token"]
    wrong += [] if steps == sorted(set(steps)) and steps else [f"steps {steps}"]
    wrong += [] if all(one.get("total") == CRITERIA for one in said) else ["another total"]
    after = [heard for heard in notices if heard.place > reply.place]
    return [*wrong, *(f"after the result: {heard.line[:200]!r}" for heard in after)]
