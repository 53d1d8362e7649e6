"""One rubric in the making: the calls of the model in their order, and what became of each.

Two answers of opposed stances, up to `attempts` tries at a rubric, one repair: `most_calls` in all.
A part that fails is left out and named in the notes. Only a model that is not there at all stops
the work before there is a rubric.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from inference.chat import ChatModel, Sampling
from inference.errors import ModelError, ModelUnknown, ModelUnreachable
from inference.messages import Conversation, Message
from inference.words import Word
from rubrics.errors import UnreadableReply
from rubrics.types import Scenario
from rubrics.writing_care import CareLists
from rubrics.writing_mending import (
    Flaw,
    asking_gaps,
    completed,
    flaws_of,
    lacking,
    mended,
    without,
)
from rubrics.writing_prompt import answers_prompt, repair_prompt, rubric_prompt
from rubrics.writing_reading import UNDECIDED, Rough, answers_in, decided, rough_in
from rubrics.writing_shapes import answers_schema, repair_schema, rubric_schema
from rubrics.writing_words import Hint, WriterOptions

TOKENS_ANSWERS, TOKENS_RUBRIC, TOKENS_SWEEP, TOKENS_REPAIR = 768, 2048, 768, 1536
WARMTH = 0.7  # of a later attempt, which must differ or it would fail the same way


class Task(Word):
    """What a rubric is to be written from."""

    conversation: Conversation
    hints: tuple[Hint, ...]
    scenario: Scenario
    items: dict[str, str]
    """The care list of the scenario."""
    answers: tuple[str, ...] = ()
    """Two that are there already, in place of opposed ones."""
    seed: int = 0
    """Above 0 for a further rubric of the same question, which is to differ."""


class Work:
    """Asks the model; `calls` and `notes` tell afterwards what happened."""

    def __init__(self, chat: ChatModel, task: Task, options: WriterOptions) -> None:
        self._chat, self._task, self._options = chat, task, options
        self._repaired = False
        self.calls = 0
        self.notes: list[str] = []

    async def rough(self) -> Rough | None:
        """A rubric without flaws, or None when no attempt could be used.

        Raises:
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
        """
        options = self._options
        answers = self._task.answers or (await self._answers() if options.contrast else ())
        options = options.model_copy(update={"contrast": bool(answers)})
        reason = ""
        for attempt in range(options.attempts):
            shown = answers if options.contrast else ()
            try:
                found = await self._attempt(attempt, shown, options)
            except (UnreadableReply, ModelError) as error:
                reason = _foreseen(error)
                options = options.lighter()
                continue
            self._note_what_is_left_out(options, reason, bool(answers))
            return found
        self.notes.append(
            f"{self._chat.name} wrote no usable rubric in {options.attempts} attempts ({reason})"
        )
        return None

    async def _answers(self) -> tuple[str, ...]:
        stances = CareLists.shipped().opposed(self._task.scenario)
        prompt = answers_prompt(self._task.conversation, stances)
        sampling = Sampling(max_tokens=TOKENS_ANSWERS, seed=0)
        try:
            return answers_in(await self._said(prompt, sampling, answers_schema()))
        except (UnreadableReply, ModelError) as error:
            self.notes.append(f"written without opposed answers ({_foreseen(error)})")
            return ()

    async def _attempt(self, number: int, answers: Sequence[str], options: WriterOptions) -> Rough:
        task = self._task
        prompt = rubric_prompt(
            task.conversation, task.hints, task.scenario, task.items, answers, options
        )
        sampling = Sampling(
            temperature=WARMTH if number or task.seed else 0.0,
            max_tokens=TOKENS_RUBRIC + TOKENS_SWEEP * options.sweep,
            seed=task.seed + number,
        )
        text = await self._said(prompt, sampling, rubric_schema(task.items, options))
        rough = await self._mended(rough_in(text, task.hints, task.items, options), answers)
        if not any(one.criterion.points > 0 for one in rough.proposed):
            raise UnreadableReply("no criterion with positive points is left")
        return rough

    async def _mended(self, rough: Rough, answers: Sequence[str]) -> Rough:
        atomic = self._options.atomic
        found = flaws_of(rough.proposed, answers, atomic)
        if not found and not self._gaps(rough):
            return rough
        # Doubles need no model.
        rough = without(rough, [one for one in found if one.finding.kind == "duplicate"])
        flaws, gaps = flaws_of(rough.proposed, answers, atomic), self._gaps(rough)
        if (flaws or gaps) and not self._repaired:
            rough = await self._repair(rough, flaws, gaps)
        rough = completed(without(rough, flaws_of(rough.proposed, answers, atomic)))
        return without(rough, flaws_of(rough.proposed, answers, atomic))

    async def _repair(self, rough: Rough, flaws: Sequence[Flaw], gaps: Mapping[str, str]) -> Rough:
        self._repaired = True
        flawed = {flaw.place for flaw in flaws}
        standing = [
            one.criterion for place, one in enumerate(rough.proposed) if place not in flawed
        ]
        prompt = repair_prompt(self._task.conversation, standing, flaws, gaps)
        sampling = Sampling(max_tokens=TOKENS_REPAIR, seed=0)
        schema = repair_schema(gaps, len(rough.proposed))
        try:
            return mended(rough, await self._said(prompt, sampling, schema), flaws, gaps)
        except (UnreadableReply, ModelError) as error:
            # What was written is not lost, even if the model is gone by now.
            self.notes.append(f"not mended ({error.without_values()})")
            return rough

    def _gaps(self, rough: Rough) -> dict[str, str]:
        kinds = lacking(rough, self._options)
        if (said := rough.decisions) is None:
            return {**asking_gaps(rough), **kinds}
        items = self._task.items
        asked = {
            item: f"{items[item]} You answered: {said.get(item, 'nothing')}"
            for item, became in decided(said, items, rough.proposed).items()
            if became == UNDECIDED
        }
        return {**asked, **asking_gaps(rough), **kinds}

    def _note_what_is_left_out(self, last: WriterOptions, reason: str, had_answers: bool) -> None:
        left_out = ["opposed answers"] if had_answers and not last.contrast else []
        left_out += ["the care list"] if self._options.sweep and not last.sweep else []
        if left_out:
            self.notes.append(f"written without {', '.join(left_out)} ({reason})")

    async def _said(self, prompt: str, sampling: Sampling, schema: Mapping[str, Any]) -> str:
        self.calls += 1
        messages = [Message(role="user", content=prompt)]
        return (await self._chat.complete(messages, sampling, schema)).text


def _foreseen(error: UnreadableReply | ModelError) -> str:
    """Its text; a model that is not there at all is raised again."""
    if isinstance(error, ModelUnreachable | ModelUnknown):
        raise error
    return error.without_values()
