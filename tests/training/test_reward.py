import pytest

from clinalign.desk import Desk
from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.vectors import VectorCache
from mcp_server.client import connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from tests.agent.test_graph import ScriptedJudge
from tests.builders import rubric, server_of
from training.reward import UnfitJudge, reward

ASKED = Conversation.of("My chest hurts.")


async def rewarded(
    letters: str,
    library: Library,
    reader: ScenarioReader,
    embedder: MemoEmbedder,
    cached: VectorCache,
) -> float | None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    async with connected(server_of(store, reader, ScriptedJudge(letters))) as tools:
        return await reward(tools, ASKED, "Call now.", rubric(calls=6, asks=4, waits=-5))


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("MMU", 1.0),
        ("MUU", 6 / 10),
        ("UUM", -5 / 10),
        ("MME", None),
        ("EEE", None),
    ],
)
async def test_the_reward_is_the_fraction_and_never_a_zero_for_a_failed_judgement(
    letters: str,
    expected: float | None,
    library: Library,
    reader: ScenarioReader,
    embedder: MemoEmbedder,
    cached: VectorCache,
) -> None:
    assert await rewarded(letters, library, reader, embedder, cached) == expected


async def test_the_builtin_judge_is_refused_as_a_reward(desk: Desk) -> None:
    with pytest.raises(UnfitJudge, match="set CLINALIGN_JUDGE_BASE_URL"):
        await reward(desk.tools, ASKED, "Call the emergency number now.", rubric(calls=6))


async def test_a_server_that_leaves_judging_to_its_caller_is_refused_as_a_reward(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    async with connected(server_of(store, reader, None)) as tools:
        with pytest.raises(UnfitJudge, match="set CLINALIGN_JUDGE_BASE_URL"):
            await reward(tools, ASKED, "Call the emergency number now.", rubric(calls=6))
