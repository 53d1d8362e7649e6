"""What the agent tells OpenTelemetry, if anybody listens: steps, calls, figures, never a text."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import get_args

from agent.state import Attempt, Episode, State, StopReason
from inference.spans import Attributes, Vocabulary, span
from inference.words import read

Step = Callable[[State], Awaitable[State]]

VOCABULARY = Vocabulary(
    name=frozenset({"ask", "step", "model_call"}),
    node=frozenset({"recall", "write_rubric", "draft", "assess", "revise"}),
    role=frozenset({"policy", "writer"}),
    stop_reason=frozenset(get_args(StopReason)),
)


def traced(step: Step) -> Step:
    """The same step, told of as a span."""

    @wraps(step)
    async def told(state: State) -> State:
        with span("step", node=step.__name__, round=len(state["attempts"])) as one:
            made = await step(state)
            one.note(**_of_step(made))
            return made

    return told


def of_episode(episode: Episode) -> Attributes:
    """The figures of a whole question."""
    figures: Attributes = {
        "calls": episode.spent.calls,
        "completion_tokens": episode.spent.tokens,
        "rounds": len(episode.flips),
        "principles": len(episode.recalled.principles),
        "library": episode.recalled.library.hash,
    }
    if episode.stop_reason:
        figures["stop_reason"] = episode.stop_reason
    if episode.attempts:
        figures |= _of_attempt(episode.attempts[episode.chosen])
    return figures


def _of_step(made: State) -> Attributes:
    figures: Attributes = {}
    if reason := made.get("stop_reason"):
        figures["stop_reason"] = reason
    if attempts := made.get("attempts"):
        figures |= _of_attempt(read(Attempt, attempts[-1], "attempt"))
    return figures


def _of_attempt(attempt: Attempt) -> Attributes:
    values = [verdict.verdict for verdict in attempt.verdicts]
    figures: Attributes = {"criteria": len(values), "coverage": attempt.score.coverage}
    figures["met"], figures["unmet"] = values.count("MET"), values.count("UNMET")
    figures["abstained"], figures["errors"] = values.count("ABSTAIN"), values.count("ERROR")
    figures["not_applicable"] = values.count("NOT_APPLICABLE")
    if attempt.score.fraction is not None:
        figures["fraction"] = attempt.score.fraction
    return figures
