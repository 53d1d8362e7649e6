"""A question asked again is answered from memory, and a failure never is."""

from typing import Any

from mcp_types import CallToolResult

from mcp_server.remembered import MOST, Remembered


class Counting:
    """A fake tool that counts its calls and says so, or what it is told to say."""

    def __init__(self) -> None:
        self.calls = 0
        self.note = ""
        self.fails = False

    async def __call__(self) -> CallToolResult:
        self.calls += 1
        said = {"call": self.calls, "note": self.note}
        return CallToolResult(content=[], structured_content=said, is_error=self.fails)


async def ask(memory: Remembered, tool: Counting, **arguments: Any) -> int:
    result = await memory.of(arguments, tool)
    assert isinstance(result, CallToolResult)
    assert result.structured_content is not None
    call: int = result.structured_content["call"]
    return call


def memory() -> Remembered:
    return Remembered(lambda found: not found["note"])


async def test_the_same_arguments_in_any_order_are_answered_once() -> None:
    tool, kept = Counting(), memory()

    assert await ask(kept, tool, question="x", k=1) == 1
    assert await ask(kept, tool, k=1, question="x") == 1
    assert await ask(kept, tool, question="x", k=2) == 2


async def test_values_that_only_compare_as_equal_are_asked_anew() -> None:
    tool, kept = Counting(), memory()

    calls = [await ask(kept, tool, k=k) for k in (1, 1.0, True)]

    assert calls == [1, 2, 3]


async def test_neither_an_error_nor_what_notes_a_failure_is_kept() -> None:
    tool, kept = Counting(), memory()
    tool.fails = True
    await ask(kept, tool, question="x")
    tool.fails, tool.note = False, "the reader did not answer"
    await ask(kept, tool, question="x")
    tool.note = ""

    assert await ask(kept, tool, question="x") == 3
    assert await ask(kept, tool, question="x") == 3


async def test_what_was_asked_longest_ago_is_forgotten() -> None:
    tool, kept = Counting(), memory()
    for k in range(MOST):
        await ask(kept, tool, k=k)
    await ask(kept, tool, k=0)
    await ask(kept, tool, k=MOST)

    assert await ask(kept, tool, k=0) == 1
    assert await ask(kept, tool, k=1) == MOST + 2


async def test_what_was_asked_is_not_kept_in_words() -> None:
    tool, kept = Counting(), memory()

    await ask(kept, tool, question="my neighbour Jane Q")

    assert "Jane" not in repr(vars(kept))
