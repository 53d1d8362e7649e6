"""What a reward costs beside its judge, and how much of the waiting overlaps.

    python benchmarks/reward_cost.py [--json OUT]

1,000 different completions through the real tools over MCP, in this process:
- with a judge that takes no time: the reward's own work, beside the plain sum of points;
- with a judge that takes 1 s: wall-clock by the ideal of so many at a time;
- with an examiner of 1 s beside it, who sees all of them too: by the same without the examiner.
The judges are fakes that look for words.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clinalign.models import open_vectors
from clinalign.parts import open_reader
from clinalign.settings import Settings
from inference.garbage import seldom_looking_for_garbage
from inference.messages import Conversation
from mcp_server.client import HealthTools, connected
from principle_store.loading import load_library, load_taxonomy
from principle_store.memory import InMemoryPrincipleStore
from rubrics.judge import Heard, unheard
from rubrics.scoring import score
from rubrics.types import Rubric, Verdict
from tests.builders import server_of
from tests.training_runs.kit import AGE, CALL, RuleJudge, rubric_rows
from training.drift import DriftTerms, Examined
from training.reward import RubricReward, Sample

COMPLETIONS, AT_ONCE, SECONDS, REPEATS = 1000, 64, 1.0, 3
ASKED = Conversation.of("I have crushing chest pain.")
RUBRIC = Rubric.from_rows(
    [
        {**one, "id": f"c{5 * repeat + place}"}
        for repeat in range(2)
        for place, one in enumerate(rubric_rows(emergent=True))
    ]
)


class Slow(RuleJudge):
    """A fake that takes its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        if self._seconds:
            await asyncio.sleep(self._seconds)
        return await super().verdicts(conversation, answer, rubric)


def samples(run: int) -> list[Sample]:
    said = f"{AGE} {CALL} " * 25
    return [Sample(ASKED, f"{said}{run}-{place}.", RUBRIC) for place in range(COMPLETIONS)]


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def measured(folder: str) -> dict[str, float]:
    settings = Settings(data_dir=Path(folder))
    vectors = open_vectors(settings)
    store = InMemoryPrincipleStore(load_library(load_taxonomy()), vectors.questions, vectors.texts)
    reader = open_reader(settings, vectors)
    async with AsyncExitStack() as opened:

        async def tools(seconds: float) -> HealthTools:
            server = server_of(store, reader, Slow(seconds))
            return await opened.enter_async_context(connected(server))

        at_once = RubricReward(await tools(0.0), at_once=AT_ONCE)
        await at_once.of(samples(-1)[:50])
        opened.enter_context(seldom_looking_for_garbage())  # as a run does
        own = min([await timed(lambda run=run: at_once.of(samples(run))) for run in range(REPEATS)])
        waiting = RubricReward(await tools(SECONDS), at_once=AT_ONCE)
        alone = await timed(lambda: waiting.of(samples(10)))
        examined = Examined(await tools(SECONDS), DriftTerms(share=1.0), at_once=AT_ONCE)

        async def both() -> None:
            batch = samples(11)
            await asyncio.gather(waiting.of(batch), examined.gold(1, batch, [RUBRIC] * len(batch)))

        with_examiner = await timed(both)
    ideal = -(-COMPLETIONS // AT_ONCE) * SECONDS
    return {
        "own_seconds": own,
        "sum_alone_seconds": await summed(),
        "by_ideal": alone / ideal,
        "with_examiner_by_without": with_examiner / alone,
    }


async def summed() -> float:
    """The arithmetic alone."""
    verdicts = await RuleJudge().verdicts(ASKED, AGE, RUBRIC)
    began = time.perf_counter()
    for _ in range(COMPLETIONS):
        score(RUBRIC, verdicts, partial=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = asyncio.run(measured(folder))
    print(f"{COMPLETIONS:,} completions, {len(RUBRIC.criteria)} criteria, {AT_ONCE} at once")
    own, sums = found["own_seconds"], found["sum_alone_seconds"]
    print(f"judge of 0 s: {own:.2f} s (goal 2.0); the sums alone {sums:.2f} s")
    print(f"judge of {SECONDS} s: {found['by_ideal']:.2f} of the ideal time")
    print(f"examiner beside it: {found['with_examiner_by_without']:.2f} of the time without")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
