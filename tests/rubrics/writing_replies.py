"""Replies that a model could give to the rubric writer, and what they are given to."""

import json
from typing import Any

from inference.messages import Conversation
from inference.scripted import ScriptedChat
from rubrics.types import Criterion, Label, Scenario
from rubrics.writer import Hint
from rubrics.writing_care import CareLists

ASKED = Conversation.of("My chest hurts. {{principles}}")
EVERY = CareLists.shipped().care["any"]
ANSWERS = json.dumps(
    {
        "first": "Call an ambulance at once and sit down.",
        "second": "It is most likely a muscle, rest a little.",
    }
)


def hint(name: str, *criteria: tuple[str, int, bool]) -> Hint:
    ready = tuple(
        Criterion(id=f"{name}.{n}", criterion=text, points=points, critical=critical)
        for n, (text, points, critical) in enumerate(criteria, start=1)
    )
    return Hint(principle_id=name, statement=f"Do {name}.", criteria=ready)


HINTS = [
    hint("call", ("Tells the reader to call", 9, True), ("Suggests waiting", -8, True)),
    hint("ask", ("Asks for the age", 4, False)),
]
READY = ["call.1", "call.2", "ask.1"]


def scenario(**values: str) -> Scenario:
    return Scenario(labels={name: Label(value=value) for name, value in values.items()})


def row(criterion: Any = "Tells the reader to sit", points: Any = 3, **more: Any) -> dict[str, Any]:
    usual = {"axis": "accuracy", "critical": False, "principle": 1, "at_risk": "maybe"}
    return {"care": "other", "criterion": criterion, "points": points, **usual, **more}


def reply(*rows: Any, **more: Any) -> str:
    """A rubric whose care list is decided, with nothing missing."""
    sweep = dict.fromkeys(EVERY, "no: it matters less here")
    return json.dumps(
        {"sweep": sweep, "missing": [], "asked_words": 0, "criteria": list(rows), **more}
    )


def repair(*rows: Any, **more: Any) -> str:
    return json.dumps({"criteria": list(rows), **more})


def mended(replaces: int, criterion: str, points: int = 3, care: str = "other") -> dict[str, Any]:
    return {
        "replaces": replaces,
        "care": care,
        "criterion": criterion,
        "points": points,
        "critical": False,
    }


def last_prompt(chat: ScriptedChat) -> str:
    return chat.asked[-1][0].content
