"""What the rubric writer's model is asked; `rubrics.writing_shapes` has the shape of its replies.

The instructions come first and depend on the options alone, so that a server with prefix caching
reads them once for all questions; what belongs to one question follows, the conversation last.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from inference.messages import Conversation
from inference.templates import fill
from rubrics.fencing import fenced
from rubrics.types import Criterion, Scenario
from rubrics.untrusted import visible
from rubrics.writing_care import Stances
from rubrics.writing_mending import Flaw
from rubrics.writing_shapes import repair_shape, rubric_shape
from rubrics.writing_words import Hint, WriterOptions

PROMPTS = files("rubrics") / "prompts"


def answers_prompt(conversation: Conversation, stances: Stances) -> str:
    return fill(
        _prompt("write_contrast"),
        first=stances.first,
        second=stances.second,
        conversation=_shown(conversation.as_text()),
    )


def rubric_prompt(
    conversation: Conversation,
    hints: Sequence[Hint],
    scenario: Scenario,
    items: Mapping[str, str],
    answers: Sequence[str],
    options: WriterOptions,
) -> str:
    material = {
        "The care list": _listed(items) if options.sweep else "",
        "Principles of good answers that may apply": _numbered(hints),
        "The kind of question, as a program read it; it may be wrong": _scenario(scenario),
        "Two hurried answers, which are material too": "\n".join(map(_shown, answers)),
    }
    return fill(
        _prompt("write_rubric"),
        most=str(options.places),
        rules="".join(map(_prompt, _rules(options))).rstrip(),
        shape=rubric_shape(options),
        material="\n\n".join(f"# {name}\n\n{text}" for name, text in material.items() if text),
        conversation=_shown(conversation.as_text()),
    )


def repair_prompt(
    conversation: Conversation,
    standing: Sequence[Criterion],
    flaws: Sequence[Flaw],
    gaps: Mapping[str, str],
) -> str:
    return fill(
        _prompt("write_repair"),
        adding=_prompt("write_repair_adding" if gaps else "write_repair_nothing").rstrip(),
        shape=repair_shape(gaps),
        standing="\n".join(f"- {_quoted(one.criterion)}" for one in standing) or "Nothing.",
        flaws="\n".join(map(_flaw, flaws)) or "Nothing.",
        gaps=_listed(gaps) or "Nothing.",
        conversation=_shown(conversation.as_text()),
    )


def _rules(options: WriterOptions) -> list[str]:
    parts = {
        "atomic": options.atomic,
        "asking": options.asking,
        "asking_off": not options.asking,
        "length": options.length,
        "ranking": options.ranking,
        "sweep": options.sweep,
        "contrast": options.contrast,
        "situation": options.situation,
    }
    return [f"write_rule_{name}" for name, wanted in parts.items() if wanted]


def _numbered(hints: Sequence[Hint]) -> str:
    return "\n".join(f"{number}. {_hint(one)}" for number, one in enumerate(hints, start=1))


@lru_cache(maxsize=1024)
def _hint(hint: Hint) -> str:
    """A batch shows the same principles again and again."""
    wanted = (f"[{one.points}] {_one_line(one.criterion)}" for one in hint.criteria)
    return f"{_one_line(hint.statement)} For example: " + "; ".join(wanted)


def _scenario(scenario: Scenario) -> str:
    told = {name: label.value for name, label in scenario.labels.items() if label.value}
    return "\n".join(f"- {name}: {value}" for name, value in told.items())


def _flaw(flaw: Flaw) -> str:
    one, finding = flaw.criterion, flaw.finding
    told = f"{finding.reason}; {finding.suggestion}"
    return f"{flaw.place + 1}. [{one.points}] {_quoted(one.criterion)}: {told}."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _listed(items: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in items.items())


@cache
def _prompt(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8")


def _shown(text: str) -> str:
    return fenced(visible(text))


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())
