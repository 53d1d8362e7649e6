"""Length is counted, whoever judges the rest."""

import pytest

from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from mcp_server.callers_verdicts import callers_verdicts
from rubrics.builtin_judge import BuiltinJudge
from rubrics.counting import by_count, words_in
from rubrics.model_judge import ModelJudge
from rubrics.types import Criterion, Rubric
from rubrics.writing_ranking import too_long

ASKED = Conversation.of("What helps against a cold?")
LENGTH = too_long(40).criterion  # points are lost from 60 words on
SHORT, LONG = "Rest and drink enough.", "Rest and drink enough. " * 20


@pytest.mark.parametrize(("answer", "verdict"), [(SHORT, "UNMET"), (LONG, "MET")])
async def test_no_model_is_asked(answer: str, verdict: str) -> None:
    silent = ScriptedChat([])
    (said,) = await ModelJudge(silent).verdicts(ASKED, answer, Rubric(criteria=(LENGTH,)))

    assert said.verdict == verdict
    assert said.explanation == f"it has about {words_in(answer)} words"
    assert silent.asked == []


@pytest.mark.parametrize(("answer", "verdict"), [(SHORT, "UNMET"), (LONG, "MET")])
async def test_the_built_in_judge_counts_too(
    embedder: MemoEmbedder, answer: str, verdict: str
) -> None:
    (said,) = await BuiltinJudge(embedder).verdicts(ASKED, answer, Rubric(criteria=(LENGTH,)))

    assert said.verdict == verdict


def test_what_a_caller_says_of_it_does_not_count() -> None:
    given = [{"criterion_id": "length", "verdict": "MET", "quote": "Rest"}]

    (said,) = callers_verdicts(given, ASKED.question, SHORT, Rubric(criteria=(LENGTH,)))

    assert said.verdict == "UNMET"


def test_a_criterion_of_somebody_elses_is_judged_like_any_other() -> None:
    foreign = Criterion(id="c1", criterion=LENGTH.criterion, points=-4)

    assert by_count(foreign, LONG) is None


def test_scripts_without_spaces_are_counted_by_their_signs() -> None:
    assert words_in("感冒时要多休息多喝水") == 6
    assert words_in("Take 500 mg now") == 4
