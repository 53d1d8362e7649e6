"""The dimensions of a scenario and their values: the shape of the taxonomy file, which is data."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from inference.errors import BadInput
from inference.words import Word


class Dimension(Word):
    """One axis of a scenario."""

    name: str
    values: dict[str, str]
    """What each value means."""
    only: dict[str, str] = Field(default={})
    """Values of other dimensions without which this one has none: dimension -> value."""
    cues: dict[str, tuple[str, ...]] = Field(default={})
    """Regular expressions whose match gives a value away."""

    @model_validator(mode="after")
    def _cues_are_of_its_values(self) -> Self:
        if foreign := set(self.cues) - set(self.values):
            raise ValueError(
                f"cues for the values {sorted(self.values)} alone, not {sorted(foreign)}"
            )
        return self

    @cached_property
    def patterns(self) -> dict[str, re.Pattern[str]]:
        return {
            value: re.compile("|".join(f"(?:{cue})" for cue in cues), re.IGNORECASE | re.DOTALL)
            for value, cues in self.cues.items()
        }


class Taxonomy(Word):
    dimensions: tuple[Dimension, ...]

    def __getitem__(self, name: str) -> Dimension:
        return {dimension.name: dimension for dimension in self.dimensions}[name]

    def names(self) -> Iterator[str]:
        return (dimension.name for dimension in self.dimensions)

    def check(self, name: str, value: str) -> None:
        """Refuse a value that the dimension does not have; an empty one leaves it unspecified.

        Raises:
            BadInput: the value, or the dimension, does not exist.
        """
        if name not in set(self.names()):
            raise BadInput("scenario", f"the dimensions {', '.join(self.names())}", name)
        if value and value not in self[name].values:
            raise BadInput(name, f"one of {', '.join(self[name].values)}, or nothing", value)

    def checked(self, given: Mapping[str, str]) -> dict[str, str]:
        """The values given by a caller, without the empty ones.

        Raises:
            BadInput: a value, or a dimension, does not exist.
        """
        for name, value in given.items():
            self.check(name, value)
        return {name: value for name, value in given.items() if value}
