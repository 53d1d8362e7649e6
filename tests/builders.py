"""Small makers, so that a test shows all it needs on one screen."""

from rubrics.types import Criterion, Rubric, Verdict


def rubric(**points: float) -> Rubric:
    """A rubric with one criterion a name."""
    return Rubric(
        criteria=tuple(
            Criterion(id=name, criterion=name.replace("_", " "), points=value)
            for name, value in points.items()
        )
    )


def verdicts(**said: bool | str) -> tuple[Verdict, ...]:
    """A verdict a name: True for MET, False for UNMET, or the value itself."""
    values = {True: "MET", False: "UNMET"}
    return tuple(
        Verdict.model_validate(
            {"criterion_id": name, "verdict": values[value] if isinstance(value, bool) else value}
        )
        for name, value in said.items()
    )
