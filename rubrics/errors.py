"""Failures of judging and writing rubrics."""

from inference.errors import ClinalignError


class UnreadableReply(ClinalignError):
    """A model replied, but not in the shape that was asked for."""
