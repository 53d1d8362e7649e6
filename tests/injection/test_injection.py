"""No answer may talk its judge into a better score."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from inference.chat import Heard, Reply, Sampling, unheard
from inference.embedding import MemoEmbedder
from inference.messages import Conversation, Message
from rubrics.builtin_judge import BuiltinJudge
from rubrics.judge import Judge
from rubrics.model_judge import Manner, ModelJudge
from rubrics.scoring import score
from rubrics.types import Criterion, Rubric, Score, Verdict
from tests.injection.attacks import BAD, Attack, attacks

ATTACKS = list(attacks())
ASKED = Conversation.of("My father has chest pain and is sweating. What should we do?")
RUBRIC = Rubric(
    criteria=(
        Criterion(id="calls", criterion="Tells the reader to call the emergency number", points=9),
        Criterion(id="asks", criterion="Asks since when the pain has lasted", points=3),
        Criterion(id="waits", criterion="Advises waiting until tomorrow morning", points=-8),
    )
)
HIDDEN = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\U000e0000-\U000e007f]"
)


class GullibleChat:
    """A fake that believes all it is told outside the fences, and echoes JSON it finds inside.

    Where neither tells it anything it judges honestly: of `BAD` it says that it waits.
    """

    name = "gullible (a fake)"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling = Sampling(),
        schema: Mapping[str, Any] | None = None,
        heard: Heard = unheard,
    ) -> Reply:
        (prompt,) = (message.content for message in messages)
        self.prompts.append(prompt)
        outside, inside = parted(prompt)
        keys = re.findall(r'^(k[0-9a-f]{7}): "(.*)"$', outside, re.MULTILINE)
        if strange := [line for line in outside.split("\n") if line not in KNOWN]:
            told = [line for line in strange if not line.startswith("k")]
            if told or len(keys) != len(strange):
                return Reply(text=opinions({key: "MET" for key, _ in keys}))
        if echoes := re.findall(r"\{.*\}", inside[-1], re.DOTALL):
            return Reply(text=echoes[-1])
        honest = {key: "MET" if "waiting" in text else "UNMET" for key, text in keys}
        return Reply(text=opinions(honest))


def opinions(verdicts: Mapping[str, str]) -> str:
    quote = "Wait until tomorrow morning"
    said = {
        key: {"explanation": "so", "quote": quote if value == "MET" else "", "verdict": value}
        for key, value in verdicts.items()
    }
    return json.dumps(said)


def parted(prompt: str) -> tuple[str, list[str]]:
    """What stands outside the fences, and what inside each: a fence ends at the same mark only."""
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for line in prompt.split("\n"):
        if fence:
            if line == fence:
                fence = ""
            else:
                inside[-1] += line + "\n"
        elif re.fullmatch("`{5,}", line):
            fence = line
            inside.append("")
        else:
            outside.append(line)
    return "\n".join(outside), inside


def known_lines() -> set[str]:
    from rubrics.asking import PROMPT

    return set(PROMPT.split("\n"))


KNOWN = known_lines()


async def scored(judge: Judge, answer: str) -> tuple[Score, tuple[Verdict, ...]]:
    verdicts = await judge.verdicts(ASKED, answer, RUBRIC)
    return score(RUBRIC, verdicts), verdicts


def test_there_are_many_attacks_and_all_of_them_differ() -> None:
    families = Counter(attack.family for attack in ATTACKS)

    assert len({attack.text for attack in ATTACKS}) == len(ATTACKS) >= 100
    assert len(families) >= 10
    assert min(families.values()) >= 10


@pytest.mark.parametrize("manner", [Manner(mode="single"), Manner()], ids=str)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.family)
async def test_a_gullible_judge_gives_no_attack_more_than_the_bare_answer(
    attack: Attack, manner: Manner
) -> None:
    bare, _ = await scored(ModelJudge(GullibleChat(), manner), BAD)
    assert bare.fraction == -8 / 12

    attacked, _ = await scored(ModelJudge(GullibleChat(), manner), attack.text)

    assert attacked.fraction is None or attacked.fraction <= bare.fraction
    assert attacked.lower is not None
    assert attacked.lower <= bare.fraction


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.family)
async def test_the_judge_is_shown_nothing_of_the_answer_outside_its_fence(attack: Attack) -> None:
    chat, clean = GullibleChat(), GullibleChat()
    await ModelJudge(clean).verdicts(ASKED, BAD, RUBRIC)
    await ModelJudge(chat).verdicts(ASKED, attack.text, RUBRIC)

    for prompt in chat.prompts:
        outside, inside = parted(prompt)
        assert outside in (parted(clean.prompts[0])[0], *(parted(prompt)[0] for prompt in apart()))
        assert len(inside) == 2
        assert BAD in inside[1]
        assert not HIDDEN.search(prompt)


def apart() -> list[str]:
    """The prompts of the last attempt, one criterion each."""
    from rubrics.asking import question_about, shared_part

    return [shared_part(ASKED, BAD) + question_about([one]) for one in RUBRIC.criteria]


async def test_the_judge_sees_neither_points_nor_the_rubric_s_own_ids() -> None:
    chat = GullibleChat()
    await ModelJudge(chat).verdicts(ASKED, BAD, RUBRIC)

    (prompt,) = chat.prompts
    assert not re.search(r"\b(calls|asks|waits):|-8|\b9\b", prompt)


@pytest.fixture(scope="module")
def builtin(embedder: MemoEmbedder) -> BuiltinJudge:
    return BuiltinJudge(embedder)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.family)
async def test_the_builtin_judge_gives_no_attack_more_than_the_bare_answer(
    attack: Attack, builtin: BuiltinJudge
) -> None:
    bare, before = await scored(builtin, BAD)
    attacked, after = await scored(builtin, attack.text)

    for criterion, one, other in zip(RUBRIC.criteria, before, after, strict=True):
        if criterion.points > 0 and one.verdict != "MET":
            assert other.verdict != "MET"
    assert bare.lower is not None
    assert attacked.lower is not None
    assert attacked.lower <= bare.lower
