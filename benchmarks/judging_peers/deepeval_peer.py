"""DeepEval's grader (`GEval` with given steps) over recorded answers, one criterion a call.

    PYTHON deepeval_peer.py SAMPLE BASE_URL AT_ONCE

One metric, and one test case a criterion, which stands where DeepEval keeps the expected output.
Runs in an environment of its own; `benchmarks/judging.py overhead --peers FOLDER` starts it.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

STEPS = [
    "Read the expected output: it is one criterion that an answer may or may not meet.",
    "Decide whether the actual output, as an answer to the input, meets that criterion.",
    "Give the highest score if it is fully met, else the lowest.",
]


def cases(path: Path) -> list[dict[str, str]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [
        {
            "input": "\n\n".join(f"{one['role']}: {one['content']}" for one in row["prompt"]),
            "actual_output": recorded(row),
            "expected_output": item["criterion"],
        }
        for row in rows
        for item in row["rubrics"]
    ]


def recorded(row: dict) -> str:
    ideal = row.get("ideal_completions_data") or {}
    return ideal.get("ideal_completion") or "Please tell me more, so that I can help. " * 8


def main(sample: Path, base_url: str, at_once: int, folder: str) -> None:
    # DeepEval reads these when it is imported.
    os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "YES"  # noqa: TID251
    os.environ["DEEPEVAL_CACHE_FOLDER"] = folder  # noqa: TID251
    from deepeval import evaluate
    from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
    from deepeval.metrics import GEval
    from deepeval.models import LocalModel
    from deepeval.test_case import LLMTestCase, SingleTurnParams

    asked = (
        SingleTurnParams.INPUT,
        SingleTurnParams.ACTUAL_OUTPUT,
        SingleTurnParams.EXPECTED_OUTPUT,
    )
    model = LocalModel(model="stub", api_key="none", base_url=base_url)
    metric = GEval("Criterion", list(asked), evaluation_steps=STEPS, model=model)
    evaluate(
        [LLMTestCase(**case) for case in cases(sample)],
        [metric],
        async_config=AsyncConfig(max_concurrent=at_once),
        cache_config=CacheConfig(write_cache=False),
        display_config=DisplayConfig(show_indicator=False, print_results=False),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as chosen:
        main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), chosen)
