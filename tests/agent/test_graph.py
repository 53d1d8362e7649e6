"""The agent on scripted models: every way to stop, and what it passes on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent.graph import build_agent, work
from agent.state import Episode, Limits
from inference.composer import Composer
from inference.embedding import MemoEmbedder
from inference.errors import ModelError, ModelUnreachable
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from inference.vectors import VectorCache
from mcp_server.client import HealthTools, connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.judge import Heard, unheard
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric, Verdict
from rubrics.writer import WriterOptions
from tests.builders import server_of

PLAIN = WriterOptions.plain()
ASKED = Conversation.of("My father has chest pain and is sweating.")
RUBRIC = [
    {"criterion": "Tells the reader to call", "points": 6, "axis": "accuracy", "principle": 1},
    {"criterion": "Asks since when it hurts", "points": 4, "axis": "completeness", "principle": 1},
    {"criterion": "Suggests waiting at home", "points": -5, "axis": "accuracy", "principle": 1},
]


class ScriptedJudge:
    """A fake: a string of letters an answer, M met, U unmet, E error, one a criterion."""

    name, fingerprint, agreement = "scripted judge", "scripted", "a fake"

    def __init__(self, *rounds: str) -> None:
        self._rounds = list(rounds)
        self.judged: list[str] = []

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        self.judged.append(answer)
        letters = {"M": "MET", "U": "UNMET", "E": "ERROR"}
        return tuple(
            Verdict.model_validate(
                {"criterion_id": one.id, "verdict": letters[letter], "quote": "wait at home"}
            )
            for one, letter in zip(rubric.criteria, self._rounds.pop(0), strict=True)
        )


Run = Callable[..., Any]


@pytest.fixture
async def run(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> Run:
    store = InMemoryPrincipleStore(library, embedder, cached)

    async def run(policy: ScriptedChat, *rounds: str, **limits: Any) -> Episode:
        judge = ScriptedJudge(*rounds)
        writer = ScriptedChat([json.dumps({"criteria": RUBRIC})])
        async with connected(server_of(store, reader, judge)) as tools:
            agent = build_agent(policy, writer, tools, Limits(**limits), PLAIN)
            return await work(agent, ASKED, Limits(**limits))

    return run


@pytest.mark.parametrize(
    ("rounds", "limits", "reason", "attempts", "chosen"),
    [
        (["MMU"], {}, "target_reached", 1, 0),
        (["UUU", "MMU"], {}, "target_reached", 2, 1),
        (["MUU", "MUU"], {}, "no_gain", 2, 0),
        (["MUU", "UUU"], {}, "no_gain", 2, 0),
        (["UUU", "UMU", "MUU"], {}, "round_limit", 3, 2),
        (["MUU"], {"rounds": 0}, "round_limit", 1, 0),
        (["UUM", "UUU"], {"rounds": 1}, "round_limit", 2, 1),
        (["EEE"], {}, "coverage_too_low", 1, 0),
        (["EEU"], {}, "coverage_too_low", 1, 0),
        (["MUE", "EEE"], {}, "coverage_too_low", 2, 0),
    ],
)
async def test_it_stops_for_a_named_reason_and_returns_the_best(
    run: Run, rounds: list[str], limits: dict[str, int], reason: str, attempts: int, chosen: int
) -> None:
    policy = ScriptedChat([f"answer {n}" for n in range(len(rounds))])

    episode = await run(policy, *rounds, **limits)

    assert episode.stop_reason == reason
    assert len(episode.attempts) == attempts
    assert episode.chosen == chosen


async def test_a_revision_is_told_what_was_missed_and_what_has_to_go(run: Run) -> None:
    policy = ScriptedChat(["You may wait at home.", "Call now."])

    await run(policy, "UMM", "MMU")

    system = policy.asked[1][0]
    assert system.role == "system"
    missed, harmful = system.content.split("A judge found that it does this, which it must not:")
    assert "- Tells the reader to call" in missed
    assert "- Asks since when it hurts" not in system.content
    assert "- Suggests waiting at home" in harmful
    assert "<drop>\nwait at home\n</drop>" in harmful
    assert "<keep>\nYou may wait at home.\n</keep>" in missed
    assert policy.asked[1][1:] == ASKED.messages


async def test_a_revision_is_not_told_of_faults_that_nobody_found(run: Run) -> None:
    policy = ScriptedChat(["Call now.", "Call now. Since when?"])

    await run(policy, "MUU", "MMU")

    system = policy.asked[1][0].content
    assert "- Asks since when it hurts" in system
    assert "which it must not" not in system
    assert "<drop>" not in system


async def test_a_draft_is_told_the_principles_and_not_the_rubric(run: Run) -> None:
    policy = ScriptedChat(["Call now."])

    episode = await run(policy, "MMU")

    told = policy.asked[0][0].content
    for principle in episode.recalled.principles:
        assert principle.statement in told
    assert "Asks since when it hurts" not in told


async def test_open_criteria_are_neither_missed_nor_counted(run: Run) -> None:
    policy = ScriptedChat(["First.", "Second."])

    episode = await run(policy, "UEU", "MEU")

    first, second = episode.attempts
    assert "Asks since when it hurts" not in policy.asked[1][0].content
    assert (first.score.fraction, first.score.coverage) == (0, 2 / 3)
    assert (second.score.earned, second.score.possible) == (6, 6)


async def test_an_empty_answer_is_asked_again_and_then_left_ungraded(run: Run) -> None:
    recovered = await run(ScriptedChat(["", " \n", "Call now."]), "MMU")
    given_up = await run(ScriptedChat([""] * 3))

    assert recovered.stop_reason == "target_reached"
    (attempt,) = given_up.attempts
    assert given_up.stop_reason == "coverage_too_low"
    assert attempt.ungraded == "the model gave an empty answer 3 times"
    assert {verdict.verdict for verdict in attempt.verdicts} == {"ERROR"}


async def test_a_dead_policy_is_an_error_of_its_own_name(run: Run) -> None:
    with pytest.raises(ModelUnreachable, match="gone"):
        await run(ScriptedChat([ModelUnreachable("gone")]))


async def test_the_prompts_are_as_they_were_agreed(
    run: Run, golden: Callable[[str, str], None]
) -> None:
    policy = ScriptedChat(["You may wait at home.", "Call now."])

    await run(policy, "UMM", "MMU")

    golden("draft_prompt.txt", policy.asked[0][0].content)
    golden("revise_prompt.txt", policy.asked[1][0].content)


async def test_the_composer_adds_what_was_missed_and_loses_nothing(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> None:
    store = InMemoryPrincipleStore(library, embedder, cached)
    judge = ScriptedJudge("U" * 12, "M" + "U" * 11, "MM" + "U" * 10)
    async with connected(server_of(store, reader, judge)) as tools:
        agent = build_agent(Composer(), None, tools, Limits())
        episode = await work(agent, ASKED, Limits())

    first, second, *_ = (attempt.answer.split("\n") for attempt in episode.attempts)
    assert set(first) < set(second)
    library_sentences = {text for one in library.principles for text in one.sayings()}
    assert set(second) <= library_sentences | {"", episode.referral}


async def test_tools_that_refuse_stop_the_agent_loudly() -> None:
    class Refusing(HealthTools):
        """A fake whose server is gone."""

        def __init__(self) -> None:
            pass

        async def get_health_principles(self, *_: Any, **__: Any) -> Any:
            raise ModelError("the server is gone")

    agent = build_agent(Composer(), None, Refusing(), Limits())

    with pytest.raises(ModelError, match="the server is gone"):
        await work(agent, ASKED, Limits())
