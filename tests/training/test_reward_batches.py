"""Rewards of a batch, as a trainer asks for them: real tools, a judge by rule."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.vectors import VectorCache
from mcp_server.client import connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric
from tests.builders import server_of
from tests.training_runs.kit import AGE, CALL, REST, TABLETS, UNSURE, RuleJudge, rubric_rows
from training.reward import ENOUGH, RubricReward, Sample, TooManyUngraded
from training.reward_figures import by_criterion, by_tag, figures
from training.reward_terms import Overlong, Terms, group_lengths, share

ASKED = Conversation.of("I have crushing chest pain.")
RUBRIC = Rubric.from_rows(rubric_rows(emergent=True))  # call 2, rest -1, age 4, unsure 3, pills -4
Rewarding = Callable[..., AbstractAsyncContextManager[RubricReward]]


@pytest.fixture
def rewarding(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> Rewarding:
    @asynccontextmanager
    async def opened(judge: RuleJudge, **settings: object) -> AsyncIterator[RubricReward]:
        store = InMemoryPrincipleStore(library, embedder, cached)
        async with connected(server_of(store, reader, judge)) as tools:
            yield RubricReward(tools, **settings)  # type: ignore[arg-type]

    return opened


def said(*sentences: str, **about: object) -> Sample:
    return Sample(ASKED, " ".join(sentences), RUBRIC, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("unclipped", [9 / 9, 4 / 9, -5 / 9]),
        ("clipped", [9 / 9, 4 / 9, 0.0]),
        ("scaled", [(9 + 5) / (9 + 5), (4 + 5) / (9 + 5), (-5 + 5) / (9 + 5)]),
    ],
)
async def test_a_reward_is_the_share_of_points_on_the_scale_that_is_wanted(
    scale: str, expected: list[float], rewarding: Rewarding
) -> None:
    async with rewarding(RuleJudge(), terms=Terms.model_validate({"scale": scale})) as reward:
        found = await reward.of([said(CALL, AGE, UNSURE), said(AGE), said(REST, TABLETS)])

    assert [one.reward for one in found] == pytest.approx(expected)


async def test_an_answer_without_words_earns_nothing_and_no_judge_is_asked(
    rewarding: Rewarding,
) -> None:
    judge = RuleJudge()
    async with rewarding(judge) as reward:
        (found,) = await reward.of([said("  ")])

    assert (found.reward, found.coverage, judge.calls) == (0.0, 1.0, 0)


async def test_the_same_text_is_judged_once(rewarding: Rewarding) -> None:
    judge = RuleJudge()
    async with rewarding(judge) as reward:
        found = await reward.of([said(AGE), said(AGE), said(CALL), said(AGE)])

    assert [one.reward for one in found] == pytest.approx([4 / 9, 4 / 9, 2 / 9, 4 / 9])
    assert judge.calls == 2


async def test_a_failed_judgement_is_no_reward_and_says_why(rewarding: Rewarding) -> None:
    async with rewarding(RuleJudge(fails=lambda call: call == 1)) as reward:
        lost, kept = await reward.of([said(AGE), said(CALL)])

    assert lost.reward is None
    assert kept.reward == pytest.approx(2 / 9)
    assert "none of 5 criteria was judged" in lost.why


async def test_what_the_tool_refuses_is_no_reward(rewarding: Rewarding) -> None:
    async with rewarding(RuleJudge()) as reward:
        (found,) = await reward.of([said("word " * 5000)])

    assert found.reward is None
    assert "at most 20,000 characters" in found.why


async def test_the_run_ends_when_too_many_cannot_be_judged(rewarding: Rewarding) -> None:
    judge = RuleJudge(fails=lambda call: call % 2 == 0)
    async with rewarding(judge, most_ungraded=0.4) as reward:
        with pytest.raises(TooManyUngraded, match=r"50% of the newest 32 .* more than 40%"):
            await reward.of([said(AGE, str(number)) for number in range(ENOUGH)])


async def test_a_few_lost_at_the_start_end_nothing(rewarding: Rewarding) -> None:
    async with rewarding(RuleJudge(fails=lambda _: True), most_ungraded=0.4) as reward:
        found = await reward.of([said(AGE, str(number)) for number in range(ENOUGH - 1)])

    assert [one.reward for one in found] == [None] * (ENOUGH - 1)


async def test_length_and_form_take_theirs_from_what_was_earned_alone(
    rewarding: Rewarding,
) -> None:
    terms = Terms(overlong=Overlong(free=10, most=20, penalty=0.5), unfinished=0.25)
    async with rewarding(RuleJudge(fails=lambda call: call == 3), terms=terms) as reward:
        long, cut, lost = await reward.of(
            [said(AGE, tokens=15), said(AGE, "x", finished=False), said(CALL, tokens=99)]
        )

    assert long.reward == pytest.approx(4 / 9 - 0.5 * 5 / 10)
    assert cut.reward == pytest.approx(4 / 9 - 0.25)
    assert lost.reward is None


async def test_the_shorter_of_equal_answers_gains_within_its_group_alone(
    rewarding: Rewarding,
) -> None:
    async with rewarding(RuleJudge(), terms=Terms(group_length=0.2)) as reward:
        found = await reward.of(
            [
                said(AGE, group="one", tokens=10),
                said(AGE, "x", group="one", tokens=30),
                said(AGE, "y", group="other", tokens=500),
            ]
        )

    half = 0.5 * 0.2
    assert [one.reward for one in found] == pytest.approx([4 / 9 + half, 4 / 9 - half, 4 / 9])


def test_a_short_answer_that_is_worse_than_the_mean_gains_nothing_by_it() -> None:
    assert group_lengths([5, 20, 35], [0.0, 0.9, 0.9]) == [0.0, 0.0, -0.5]


def test_a_group_without_rewards_gains_nothing() -> None:
    assert group_lengths([5, 20], [None, None]) == [0.0, 0.0]


async def test_less_than_the_wanted_coverage_is_no_reward(rewarding: Rewarding) -> None:
    judged = RuleJudge()
    verdicts = list(await judged.verdicts(ASKED, AGE, RUBRIC))
    verdicts[0] = verdicts[0].model_copy(update={"verdict": "ABSTAIN"})

    assert share(RUBRIC, verdicts, Terms(least_coverage=0.9)) == (None, 4 / 5)
    assert share(RUBRIC, verdicts, Terms(least_coverage=0.8)) == (4 / 7, 4 / 5)


async def test_the_figures_of_a_batch_are_of_what_was_judged(rewarding: Rewarding) -> None:
    samples = [said(AGE, tokens=10), said(AGE, CALL, tokens=20), said(UNSURE, tokens=30)]
    async with rewarding(RuleJudge(fails=lambda call: call == 3)) as reward:
        found = await reward.of(samples)

    told = figures(samples, found)
    assert told["reward/ungraded"] == pytest.approx(1 / 3)
    assert told["reward/share"] == pytest.approx((4 / 9 + 6 / 9) / 2)
    assert told["reward/length_correlation"] == pytest.approx(1.0)
    assert told["reward/axis:context_awareness"] == 1.0
    assert by_tag(found)["axis:communication_quality"] == 0.0
    assert by_criterion(found)["c2"] == (2, 2)
