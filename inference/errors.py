"""What can go wrong on purpose. Every message is written for the person who reads it."""

from typing import Any

_ABSENT = object()
_LONGEST_SHOWN = 60  # characters of a value


class ClinalignError(Exception):
    """A failure we foresaw; its text names the thing, the value and the way out."""

    def without_values(self) -> str:
        """The same text for a log or a remote caller: never holds what the caller wrote."""
        return str(self)


class BadInput(ClinalignError, ValueError):
    """Something given from outside cannot be used."""

    def __init__(self, where: str, expected: str, value: Any = _ABSENT) -> None:
        self.where, self.expected, self.value = where, expected, value
        super().__init__(where, expected)

    def __str__(self) -> str:
        if self.value is _ABSENT:
            return self.without_values()
        return f"{self.where} is {shortened(self.value)}; expected {self.expected}"

    def without_values(self) -> str:
        return f"{self.where}: expected {self.expected}"


class UnknownField(BadInput):
    """Something given from outside has a field that there is not; its name is a value too."""

    def __init__(self, where: str, name: str | int) -> None:
        super().__init__(f"{where}.{name}", "no field of that name")
        self._owner = where

    def without_values(self) -> str:
        return f"{self._owner}: expected only the fields that its schema names"

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}"


class ModelError(ClinalignError):
    """A model server gave no usable reply."""


class ModelUnreachable(ModelError):
    """Nothing answers at the address, or not in time."""


class ModelUnknown(ModelError):
    """The server answers but does not have the model."""


class StorageError(ClinalignError):
    """A file or folder of ours cannot be read or written."""


def shortened(value: Any) -> str:
    """Enough of a value to recognise it."""
    shown = repr(value)
    return (
        shown
        if len(shown) <= _LONGEST_SHOWN
        else f"{shown[:_LONGEST_SHOWN]}... ({len(shown)} characters)"
    )
