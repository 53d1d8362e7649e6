"""Ties between all answers of a group, broken by a model that is asked in both orders."""

import pytest

from inference.messages import Conversation
from inference.scripted import ScriptedChat
from rubrics.types import Rubric
from tests.builders import rubric
from training.reward import Rewarded, Sample
from training.ties import TieBreaker

RUBRIC: Rubric = rubric(calls=5)
ASKED = Conversation.of("My chest hurts.")


def group(*rewards: float | None, name: str = "q") -> tuple[list[Sample], list[Rewarded]]:
    samples = [Sample(ASKED, f"answer {place}", RUBRIC, name) for place in range(len(rewards))]
    return samples, [Rewarded(one, one, 1.0, RUBRIC, ()) for one in rewards]


async def broken(replies: list[str], *rewards: float | None) -> list[float | None]:
    chat = ScriptedChat(replies)
    return [one.reward for one in await TieBreaker(chat, 0.1).broken(*group(*rewards))]


async def test_the_one_that_wins_in_both_orders_gains() -> None:
    assert await broken(["A", "B"], 0.5, 0.5) == pytest.approx([0.55, 0.45])


async def test_a_model_that_prefers_a_place_decides_nothing() -> None:
    assert await broken(["A", "A"], 0.5, 0.5) == [0.5, 0.5]


@pytest.mark.parametrize("replies", [["neither", "B"], ["", ""]])
async def test_a_reply_that_chooses_none_decides_nothing(replies: list[str]) -> None:
    assert await broken(replies, 0.5, 0.5) == [0.5, 0.5]


async def test_nobody_is_asked_where_answers_differ_or_were_not_judged() -> None:
    assert await broken([], 0.5, 0.6) == [0.5, 0.6]
    assert await broken([], 0.5, None) == [0.5, None]


async def test_of_three_each_is_compared_with_two_others() -> None:
    # 0 beats 1, 1 beats 2, 0 beats 2 (asked as 2 against 0).
    said = ["A", "B", "A", "B", "B", "A"]
    assert await broken(said, 0.5, 0.5, 0.5) == pytest.approx([0.6, 0.5, 0.4])
