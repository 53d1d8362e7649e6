"""Writes the rubric for one question: by a model, or from the principles' ready criteria.

It judges nothing and knows no store: it is handed `Hint`s, a principle's statement and criteria.
How a model is made to see further than the answers it will be used on: `rubrics.writing_work`.
"""

from collections.abc import Iterable, Sequence

from inference.chat import ChatModel
from inference.errors import BadInput
from inference.messages import Conversation
from rubrics.types import Criterion, Rubric, Scenario
from rubrics.writing_care import CareLists
from rubrics.writing_ranking import fitted, ranked, ranked_by_points, too_long
from rubrics.writing_reading import NO_PLACE, Rough, decided
from rubrics.writing_shapes import LONGEST_ANSWER
from rubrics.writing_words import (
    MOST_CRITERIA,
    Dropped,
    Hint,
    WriterOptions,
    WrittenRubric,
)
from rubrics.writing_work import Task, Work

__all__ = [
    "MOST_CRITERIA",
    "Dropped",
    "Hint",
    "RubricWriter",
    "WriterOptions",
    "WrittenRubric",
    "ready_rubric",
]


DEFAULTS = WriterOptions()


class RubricWriter:
    """Asks the model, if there is one, or falls back on the principles' own criteria."""

    def __init__(self, chat: ChatModel | None, options: WriterOptions = DEFAULTS) -> None:
        self._chat, self.options = chat, options

    async def write(
        self,
        conversation: Conversation,
        hints: Sequence[Hint],
        scenario: Scenario | None = None,
        answers: Sequence[str] = (),
        seed: int = 0,
    ) -> WrittenRubric:
        """A rubric of at most `options.most` criteria, with at most `options.most_calls` calls.

        Args:
            conversation: its last turn is what answers will be given to.
            hints: the principles that may apply.
            scenario: chooses the care list, the stances and the length; None for the general ones.
            answers: two that are there, to be told apart; none for opposed ones, if so wanted.
            seed: above 0 for a further rubric of the same question, which is to differ.

        Raises:
            ModelUnreachable: nothing answers.
            ModelUnknown: the server does not have the model.
            BadInput: there are no principles to fall back on.
        """
        scenario = scenario or Scenario()
        if self._chat is None:
            return self._ready(hints, scenario)
        items = dict(CareLists.shipped().items(scenario)) if self.options.sweep else {}
        task = Task(
            conversation=conversation,
            hints=tuple(hints),
            scenario=scenario,
            items=items,
            answers=tuple(one[:LONGEST_ANSWER] for one in answers[:2]),
            seed=seed,
        )
        work = Work(self._chat, task, self.options)
        rough = await work.rough()
        if rough is None:
            spent = {"note": "; ".join(work.notes), "calls": work.calls}
            return self._ready(hints, scenario).model_copy(update=spent)
        return self._written(rough, task, work, self._chat.name)

    def _ready(self, hints: Sequence[Hint], scenario: Scenario) -> WrittenRubric:
        rubric = ready_rubric((hint.criteria for hint in hints), self.options.most)
        return WrittenRubric(
            rubric=rubric,
            written_by="the principles' own criteria",
            length_budget_words=self._budget(scenario),
            ranked=ranked_by_points(rubric) if self.options.ranking else (),
        )

    def _written(self, rough: Rough, task: Task, work: Work, name: str) -> WrittenRubric:
        options = self.options
        kept, crowded_out = fitted(rough.proposed, options.places)
        dropped = (
            Dropped(criterion=one.criterion.criterion, reason=NO_PLACE) for one in crowded_out
        )
        said = rough.decisions
        budget = rough.asked_words or self._budget(task.scenario)
        if budget is not None:
            kept = (*kept, too_long(budget))
        return WrittenRubric(
            rubric=Rubric(criteria=tuple(one.criterion for one in kept)),
            written_by=name,
            note="; ".join(work.notes),
            length_budget_words=budget,
            calls=work.calls,
            dropped=(*rough.dropped, *dropped),
            ranked=ranked(kept) if options.ranking else (),
            waived=rough.waived,
            sweep={} if said is None else decided(said, task.items, kept, crowded_out),
        )

    def _budget(self, scenario: Scenario) -> int | None:
        return CareLists.shipped().words(scenario) if self.options.length else None


def ready_rubric(by_principle: Iterable[Iterable[Criterion]], most: int = MOST_CRITERIA) -> Rubric:
    """The principles' own criteria in their order; critical ones go in first."""
    by_text = {one.criterion.casefold(): one for criteria in by_principle for one in criteria}
    ready = list(by_text.values())
    if not ready:
        raise BadInput("principles", "at least one to make a rubric from")
    kept = sorted(ready, key=lambda criterion: not criterion.critical)[:most]
    return Rubric(criteria=tuple(sorted(kept, key=ready.index)))
