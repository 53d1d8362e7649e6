"""What was taught by rubrics is what a real vLLM then says."""

import os
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from statistics import fmean

import pytest

from inference.chat import Sampling
from inference.embedding import MemoEmbedder
from inference.endpoint import Endpoint
from inference.messages import Conversation
from inference.openai_compatible import OpenAICompatibleChat
from inference.vectors import VectorCache
from mcp_server.client import connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric
from tests.builders import server_of
from tests.servers.vllm_server import tiny_vllm
from tests.training_runs.kit import (
    TEACHES,
    RuleJudge,
    judging,
    questions,
    run_file,
    speaking,
    trained,
    world_in,
)
from training.reward import RubricReward, Sample
from training.run_folder import RunFolder

pytestmark = pytest.mark.server

STEPS, ANSWERS, RISES = 30, 4, 0.35


@pytest.fixture(scope="module")
def python() -> str:
    name = os.environ.get("CLINALIGN_TEST_SERVE_PYTHON")
    return name or pytest.skip("CLINALIGN_TEST_SERVE_PYTHON names no Python that has vLLM")


async def test_a_served_model_says_what_the_rewards_taught_it(
    python: str,
    library: Library,
    reader: ScenarioReader,
    embedder: MemoEmbedder,
    cached: VectorCache,
    tmp_path: Path,
) -> None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    settings = TEACHES | {"max_steps": STEPS, "eval_steps": STEPS}
    data, speaks = world_in(tmp_path), speaking(tmp_path, 0)
    file = run_file(tmp_path / "grpo.toml", "grpo", speaks, data=data, trainer=settings)
    trained(file, tmp_path / "taught", partial(judging, store, reader, RuleJudge()))
    first = next(iter(held_out(tmp_path / "taught")))

    rows = questions(held_out=True)
    with tiny_vllm(python, tmp_path, model=tmp_path / "taught" / "model") as base_url:
        endpoint = Endpoint(base_url=base_url, model="tiny")
        async with aclosing(OpenAICompatibleChat(endpoint)) as chat:
            samples = [
                Sample(asked, (await chat.complete(asked.messages, drawn(seed))).text, rubric)
                for row in rows
                for asked, rubric in [
                    (Conversation.of(row["prompt"]), Rubric.from_rows(row["rubrics"]))
                ]
                for seed in range(ANSWERS)
            ]
    async with connected(server_of(store, reader, RuleJudge())) as tools:
        found = await RubricReward(tools).of(samples)

    assert fmean(one.reward for one in found if one.reward is not None) - first >= RISES


def held_out(folder: Path) -> Iterator[float]:
    """Mean rewards of questions that were never trained on, the untaught policy's first."""
    for row in RunFolder(folder).rows("log.jsonl"):
        if "eval_reward" in row:
            yield row["eval_reward"]


def drawn(seed: int) -> Sampling:
    return Sampling(temperature=1.0, max_tokens=24, seed=seed)
