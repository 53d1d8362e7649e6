"""Verifiers' grader (`RubricJudge`, `max_criteria` 1) over recorded answers, one criterion a call.

    PYTHON verifiers_peer.py SAMPLE BASE_URL AT_ONCE

One judge an answer, with its criteria in a rubric file; at most AT_ONCE of all calls in flight.
Runs in an environment of its own; `benchmarks/judging.py overhead --peers FOLDER` starts it.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path

import verifiers.v1 as vf
from verifiers.v1.judge import JudgeResponse


def recorded(row: dict) -> str:
    ideal = row.get("ideal_completions_data") or {}
    return ideal.get("ideal_completion") or "Please tell me more, so that I can help. " * 8


class BoundedJudge(vf.RubricJudge):
    def __init__(self, config: vf.RubricJudgeConfig, places: asyncio.Semaphore) -> None:
        super().__init__(config)
        self.places = places

    async def complete(self, *given, **options) -> JudgeResponse:
        async with self.places:
            return await super().complete(*given, **options)


def scoring(row: dict, rubric: Path, base_url: str, places: asyncio.Semaphore) -> Awaitable[float]:
    criteria = [
        {"name": f"c{place}", "text": item["criterion"], "weight": abs(item["points"])}
        for place, item in enumerate(row["rubrics"])
    ]
    rubric.write_text(json.dumps(criteria), encoding="utf-8")
    config = vf.RubricJudgeConfig(
        path=rubric, max_criteria=1, view="last_reply", model="stub", base_url=base_url,
        api_key_var="STUB_API_KEY",
    )  # fmt: skip
    asked = "\n\n".join(f"{one['role']}: {one['content']}" for one in row["prompt"])
    data = vf.TaskData(prompt=asked)
    trace = vf.Trace(
        task=vf.TraceTask(type="recorded", data=data),
        agent=vf.AgentInfo(config=vf.AgentConfig()),
        root_reply=recorded(row),
    )
    return BoundedJudge(config, places).score(data, trace)


async def main(rows: list[dict], base_url: str, at_once: int, folder: Path) -> None:
    places = asyncio.Semaphore(at_once)
    await asyncio.gather(
        *(scoring(row, folder / f"{n}.json", base_url, places) for n, row in enumerate(rows))
    )


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.split("\n") if line]
    with tempfile.TemporaryDirectory() as chosen:
        asyncio.run(main(found, sys.argv[2], int(sys.argv[3]), Path(chosen)))
