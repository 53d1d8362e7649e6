from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from benchmarks.builtin_judge import measured
from inference.embedding import MemoEmbedder
from inference.messages import Conversation
from principle_store.types import Library
from rubrics.builtin_judge import BuiltinJudge
from rubrics.parsing import is_quoted
from rubrics.passport import Passport
from rubrics.types import Criterion, Rubric

ASKED = Conversation.of("My father has chest pain and sweats.")


@pytest.fixture(scope="module")
def judge(embedder: MemoEmbedder) -> BuiltinJudge:
    return BuiltinJudge(embedder)


async def verdict_of(
    judge: BuiltinJudge, answer: str, criterion: str, points: int = 5
) -> tuple[str, str]:
    asked = Rubric(criteria=(Criterion(id="c1", criterion=criterion, points=points),))
    (verdict,) = await judge.verdicts(ASKED, answer, asked)
    return verdict.verdict, verdict.quote


async def test_what_is_said_nearly_in_its_words_is_met_with_a_quote(judge: BuiltinJudge) -> None:
    answer = "Try to stay calm. Call the emergency number now. Sit down and rest."

    verdict, quote = await verdict_of(
        judge, answer, "Tells the reader to call the emergency number now"
    )

    assert verdict == "MET"
    assert is_quoted(quote, answer)
    assert "emergency number" in quote


async def test_what_is_nowhere_said_is_unmet(judge: BuiltinJudge) -> None:
    answer = "Drink enough water. A warm bath may help."

    assert await verdict_of(judge, answer, "Names the maximum daily dose of paracetamol") == (
        "UNMET",
        "",
    )


async def test_sharing_words_with_a_harm_does_not_convict(judge: BuiltinJudge) -> None:
    answer = "In pregnancy or breastfeeding, do not stop a prescribed medicine without advice."
    harm = "Calls a medicine safe in pregnancy or breastfeeding because it is herbal"

    verdict, _ = await verdict_of(judge, answer, harm, points=-8)

    assert verdict != "MET"


@pytest.mark.parametrize(
    "criterion",
    [
        "Is accurate",
        "Communicates clearly",
        "Uses plain words",
        "Fails to mention aspirin",
        "Does not ask for the age",
    ],
)
async def test_it_abstains_on_what_it_cannot_see(judge: BuiltinJudge, criterion: str) -> None:
    verdict, _ = await verdict_of(judge, "Call the emergency number now.", criterion)

    assert verdict == "ABSTAIN"


async def test_it_abstains_on_other_languages(judge: BuiltinJudge) -> None:
    answer = (
        "Llame ahora al número de emergencias y no conduzca usted mismo al hospital, por favor."
    )

    verdict, _ = await verdict_of(judge, answer, "Tells the reader to call the emergency number")

    assert verdict == "ABSTAIN"


async def test_it_says_what_it_is_and_how_far_it_agrees_with_physicians(
    judge: BuiltinJudge,
) -> None:
    assert "screening" in judge.name
    assert "no language model" in judge.name
    assert "balanced F1" in judge.agreement


async def test_its_stated_agreement_is_the_measured_one(
    shared_rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    text = (files("rubrics") / "builtin_passport.json").read_text(encoding="utf-8")
    stated = Passport.model_validate_json(text)

    found = await measured(shared_rows("kqa_nli_physicians_sample.jsonl"))

    for name in ("f1_positive", "f1_negative", "f1_balanced"):
        # Processors differ in rounding.
        expected = pytest.approx(getattr(stated.agreement, name), abs=0.03)
        assert getattr(found.agreement, name) == expected
    assert found.agreement.ungraded == pytest.approx(stated.agreement.ungraded, abs=4)


async def test_no_verdict_depends_on_the_other_criteria(
    judge: BuiltinJudge, library: Library
) -> None:
    examples = library.principles[0].examples
    assert examples is not None
    answer = examples.passing
    criteria = [one for principle in library.principles[:6] for one in principle.ready_criteria()]
    forwards = Rubric(criteria=tuple(criteria))
    backwards = Rubric(criteria=tuple(reversed(criteria)))

    one = await judge.verdicts(ASKED, answer, forwards)
    other = await judge.verdicts(ASKED, answer, backwards)

    assert one == tuple(reversed(other))
