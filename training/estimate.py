"""What a batch will cost, told before it begins: calls, tokens, hours, money.

From rows that are done already, where there are enough of them; else from the prompts of the first
rows and from assumptions that are told with the figures.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from inference.messages import Conversation, Message
from inference.tokens import estimated_prompt
from inference.words import Word
from rubrics.types import Scenario
from rubrics.writing_care import CareLists
from rubrics.writing_prompt import rubric_prompt
from training.samples import TOKENS_ANSWER
from training.synthesis import Means, Synthesis
from training.tasks import Pool, Rejected, asked_in

LOOKED_AT = 10  # rows whose prompts are made
ENOUGH = 20  # rows done, to go by them
TOKENS_RUBRIC, TOKENS_ANSWERS = 700, 600  # written of a plain rubric, and of two short answers
REPAIRS = 0.5  # of a rubric, where one may be asked for


class Price(Word):
    """Of a million tokens, in any currency."""

    prompt: float = 0.0
    completion: float = 0.0


class Estimate(Word):
    """Of the rows that are left; figures of tokens err upwards."""

    rows: int
    calls: int
    """Of writer and policy; a judge model's calls are not among them."""
    prompt_tokens: int
    completion_tokens: int
    hours: float
    cost: float
    questions_read: int
    """By a model that reads them, one call each besides."""
    judged_answers: int
    """Answers that a judge has to score besides."""
    seconds_a_call: float
    by: str
    """What the figures stand on."""


class OfRow(Word):
    """One row's cost."""

    calls: float
    prompt_tokens: float
    completion_tokens: float
    seconds: float


def estimated(
    of_row: OfRow, rows: int, in_flight: int, price: Price, means: Means, by: str
) -> Estimate:
    """The cost of all rows.

    Args:
        of_row: see `of_done` and `of_first`.
        rows: that are left.
        in_flight: at once.
        price: of tokens.
        means: what they are worked on with.
        by: what `of_row` stands on.
    """
    prompt, completion = of_row.prompt_tokens * rows, of_row.completion_tokens * rows
    judges = means.controls.judges
    return Estimate(
        rows=rows,
        calls=round(of_row.calls * rows),
        prompt_tokens=round(prompt),
        completion_tokens=round(completion),
        hours=round(of_row.seconds * rows / in_flight / 3600, 3),
        cost=round((prompt * price.prompt + completion * price.completion) / 1e6, 2),
        questions_read=rows if means.reads else 0,
        judged_answers=means.controls.samples * rows if judges else 0,
        seconds_a_call=round(of_row.seconds / of_row.calls, 2) if of_row.calls else 0.0,
        by=by,
    )


def of_done(provenances: Iterable[Mapping[str, Any]]) -> OfRow | None:
    """The mean of rows that are done; None where they are too few to go by."""
    done = list(provenances)
    if len(done) < ENOUGH:
        return None
    fields = OfRow.model_fields
    return OfRow(**{name: sum(one[name] for one in done) / len(done) for name in fields})


async def of_first(
    synthesis: Synthesis, rows: Iterable[Mapping[str, Any]], seconds_a_call: float
) -> OfRow:
    """The mean of what the first rows will cost by their prompts; asks no model that writes.

    Args:
        synthesis: prepares them.
        rows: that are left.
        seconds_a_call: assumed.
    """
    looked_at = islice(rows, LOOKED_AT)
    prompts = [one for row in looked_at if (one := await _prompt_of(synthesis, row)) is not None]
    means = synthesis.means
    if not prompts or means.stage in ("scenario", "pool") or not (means.writer or means.policy):
        return OfRow(calls=0, prompt_tokens=0, completion_tokens=0, seconds=0)
    drafts = (1 + means.controls.merge) if means.writer else 0
    repairs = REPAIRS
    opposed = int(means.options.contrast and not means.controls.contrast)
    answers = means.controls.samples if means.controls.samples_answers and means.policy else 0
    calls = drafts * (1 + repairs + opposed) + answers
    of_prompt = sum(prompts) / len(prompts)
    written = drafts * ((1 + repairs) * TOKENS_RUBRIC + opposed * TOKENS_ANSWERS)
    return OfRow(
        calls=calls,
        prompt_tokens=calls * of_prompt,
        completion_tokens=written + answers * TOKENS_ANSWER,
        seconds=calls * seconds_a_call,
    )


async def _prompt_of(synthesis: Synthesis, row: Mapping[str, Any]) -> int | None:
    """Tokens of the row's rubric prompt; None if the row will be rejected."""
    try:
        asked = asked_in(row)
        pool = await synthesis.pool(asked, row)
    except Rejected:
        return None
    return estimated_prompt([Message(role="user", content=_prompt(asked, pool, synthesis.means))])


def _prompt(asked: Conversation, pool: Pool, means: Means) -> str:
    scenario, options = Scenario(labels=pool.scenario), means.writing
    items = CareLists.shipped().items(scenario) if options.sweep else {}
    return rubric_prompt(asked, pool.hints, scenario, items, (), options)
