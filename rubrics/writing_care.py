"""Chooses what the rubric writer goes through for one scenario: care list, length and stances.

The lists are data, `care_lists.yaml`; nothing here asks a model.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import Field

from inference.words import Word, read
from rubrics.types import Scenario
from rubrics.yaml_text import parsed

ANY = "any"
EMERGENT = "emergent"


class Stances(Word):
    """Two ways to answer that pull in opposite directions."""

    name: str
    when: dict[str, tuple[str, ...]]
    """Dimension -> values, any of which calls for this pair; empty: always."""
    unless: dict[str, tuple[str, ...]] = Field(default={})
    """Dimension -> values, any of which rules it out."""
    first: str
    second: str

    def fit(self, scenario: Scenario) -> bool:
        if _any(scenario, self.unless):
            return False
        return not self.when or _any(scenario, self.when)


def _any(scenario: Scenario, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    return any(scenario.value(name) in values for name, values in wanted.items())


def _is_emergency_of_a_layperson(scenario: Scenario) -> bool:
    """Whoever treats one needs the whole plan of treatment, not a call for help."""
    is_professional = scenario.value("expertise") == "health_professional"
    return scenario.value("urgency") == EMERGENT and not is_professional


class CareLists(Word):
    """The content of `care_lists.yaml`."""

    care: dict[str, dict[str, str]]
    """Task type -> item -> what to ask oneself; `any` where the task type cannot be told."""
    emergency: dict[str, str]
    length: dict[str, dict[str, int]]
    """Task type -> expertise -> words."""
    emergency_length: int = Field(gt=0)
    detailed: float = Field(gt=0)
    stances: tuple[Stances, ...]

    @classmethod
    @cache
    def shipped(cls) -> Self:
        text = (files("rubrics") / "care_lists.yaml").read_text(encoding="utf-8")
        return read(cls, parsed(text), "care_lists.yaml")

    def items(self, scenario: Scenario) -> Mapping[str, str]:
        """The care items of a scenario, those of a layperson's emergency first."""
        of_task = self.care.get(scenario.value("task_type"), self.care[ANY])
        if not _is_emergency_of_a_layperson(scenario):
            return of_task
        return {**self.emergency, **of_task, **self.emergency}

    def words(self, scenario: Scenario) -> int:
        """The length that serves the reader; unit: words."""
        if _is_emergency_of_a_layperson(scenario):
            return self.emergency_length
        by_expertise = self.length.get(scenario.value("task_type"), self.length[ANY])
        words = by_expertise.get(scenario.value("expertise"), by_expertise["layperson"])
        return round(words * self.detailed) if scenario.value("depth") == "detailed" else words

    def opposed(self, scenario: Scenario) -> Stances:
        """The first pair of stances that fits."""
        return next(pair for pair in self.stances if pair.fit(scenario))
