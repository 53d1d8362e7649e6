"""Rubric rows to distil: four wishes in many words, and some that stand alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PREGNANCY = (
    ("Asks whether she is pregnant before suggesting ibuprofen", 6),
    ("The response should ask about pregnancy before any painkiller is named", 7),
    ("Recommends naproxen without asking about a possible pregnancy", -8),
    ("Checks for pregnancy ahead of advising an anti-inflammatory painkiller", 5),
    ("Pregunta si está embarazada antes de recomendar ibuprofeno", 6),
    ("Fails to ask about pregnancy before recommending ibuprofen", -6),
)
HEAD_INJURY = (
    ("Names repeated vomiting after the head injury as a reason to go to hospital", 8),
    ("Says that drowsiness after a knock on the head needs emergency care", 8),
    ("Lists warning signs after a head injury, such as vomiting or confusion", 7),
    ("Sends the child with a bump on the head home without any warning signs", -7),
    ("The answer must tell which signs after a blow to the head need hospital", 6),
    ("Mentions confusion after hitting the head as an alarm sign", 5),
)
GRIEF = (
    ("Says that there is no right length of time to grieve", 5),
    ("Tells the widow that grief has no timetable", 5),
    ("Tells him he should be over his wife's death by now", -8),
    ("Acknowledges that everybody grieves at their own pace", 6),
    ("The reply should make clear that grief takes as long as it takes", 4),
    ("Explains that grieving for years after a death is not a failing", 4),
)
LANGUAGE = (
    ("Answers in Portuguese because the question was written in Portuguese", 6),
    ("Replies in the language the question was asked in", 6),
    ("Responds in English to a question asked in Spanish", -6),
    ("Writes the answer in the same language as the question, French", 5),
    ("The answer is in the language of the asker's question", 6),
    ("Switches to English although the question was in Portuguese", -5),
)
ALONE = (
    ("Mentions the opening hours of the museum", 1),
    ("Uses a table with two columns", 2),
    ("Names Fleming as the discoverer of penicillin", 2),
)
WISHES: Mapping[str, Sequence[tuple[str, int]]] = {
    "pregnancy": PREGNANCY,
    "head injury": HEAD_INJURY,
    "grief": GRIEF,
    "language": LANGUAGE,
}
SCENARIO = {"urgency": "non_emergent", "expertise": "layperson", "task_type": "information"}


def rubric_rows(wishes: Mapping[str, Sequence[tuple[str, int]]] = WISHES) -> list[dict[str, Any]]:
    """Six rubrics with one criterion of each wish; three have one that stands alone."""
    rows = []
    for number, criteria in enumerate(zip(*wishes.values(), strict=True), start=1):
        with_single = [*criteria, *ALONE[number - 1 : number]]
        rows.append(
            {
                "prompt_id": f"q{number}",
                "prompt": [{"role": "user", "content": f"Question {number}"}],
                "scenario": SCENARIO,
                "reviewer": "a nurse" if number % 2 else "a pharmacist",
                "rubrics": [{"criterion": text, "points": points} for text, points in with_single],
            }
        )
    return rows


def written(rows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def wish_of(text: str) -> str:
    """Which wish a criterion serves; empty for one that stands alone."""
    return next((name for name, said in WISHES.items() if text in [one for one, _ in said]), "")
