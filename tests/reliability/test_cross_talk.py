"""Nobody is ever given another's answer: row A13.

Every caller puts a mark of its own into each call, and everything that bears a mark in the answer
has to bear that one. All connections use the same JSON-RPC ids at the same time.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reliability.load_client import (
    CLINALIGN,
    MODERN,
    OLD,
    QUESTIONS,
    Asked,
    Line,
    StdioLine,
    crowd,
    environment,
    lines,
    principles_for,
    serving,
    tell,
    tool_call,
)
from tests.reliability.slow_judge import MARK, slow_judge

pytestmark = pytest.mark.reliability

Capture = pytest.CaptureFixture[str]
Known = Mapping[str, bytes]
"""What is answered to each question, and to each address of a resource, when nobody else asks."""

RESOURCES = ("principles://library", "principles://taxonomy")


def resource(uri: str) -> Asked:
    return Asked("resources/read", {"uri": uri})


def marked(mark: str) -> Callable[[bytes], str]:
    """Looks whether an answer bears this mark and no other."""

    def wrong(answer: bytes) -> str:
        found = set(MARK.findall(answer.decode()))
        return "" if found == {mark} else f"asked with {mark}, answered with {sorted(found)}"

    return wrong


def same_as(expected: bytes) -> Callable[[bytes], str]:
    def wrong(answer: bytes) -> str:
        return "" if result_in(answer) == expected else f"another answer: {answer[:300]!r}"

    return wrong


def result_in(answer: bytes) -> bytes:
    """The answer without its id, which differs."""
    return answer[answer.index(b'"result":') :].rstrip()


def a_judged_score(mark: str) -> Asked:
    """The judge quotes the answer's mark; progress is told under a token that is the mark."""
    answer = f"Call 112 now; this is {mark}. Since when does it hurt?"
    rubric = [{"id": f"{mark}-a", "criterion": "Names the emergency number", "points": 5}]
    call = tool_call("score_against_rubric", question="It hurts.", answer=answer, rubric=rubric)
    params = call.params | {"_meta": {"progressToken": mark}}

    def wrong(said: bytes) -> str:
        return marked(mark)(said.replace(f"{mark}-a".encode(), mark.encode()))

    return replace(call, params=params, wrong=wrong)


def a_score_of_ones_own(mark: str) -> Asked:
    given = {"criterion_id": mark, "verdict": "MET", "explanation": mark, "quote": mark}
    call = tool_call(
        "score_against_rubric",
        question="It hurts.",
        answer=f"Call 112 now; this is {mark}. Since when does it hurt?",
        rubric=[{"id": mark, "criterion": f"Says {mark}", "points": 5}],
        verdicts=[given],
    )
    return replace(call, wrong=marked(mark))


def a_prompt(mark: str) -> Asked:
    arguments = {"question": f"What is {mark}?", "answer": f"It is {mark}."}
    params = {"name": "review_answer", "arguments": arguments}
    return Asked("prompts/get", params, marked(mark))


def interleaved(place: int, count: int, known: Known) -> Iterator[Asked]:
    """The calls of one caller: every kind, in an order of its own."""
    some = random.Random(place)
    for turn in range(count):
        mark = f"mark-{place}-{turn}"
        kind = some.randrange(20)
        if kind < 6:
            yield a_judged_score(mark)
        elif kind < 7:
            yield a_score_of_ones_own(mark)
        elif kind < 12:
            yield a_prompt(mark)
        elif kind < 19:
            question = some.choice(QUESTIONS)
            yield replace(principles_for(question), wrong=same_as(known[question]))
        else:
            uri = some.choice(RESOURCES)
            yield replace(resource(uri), wrong=same_as(known[uri]))


async def known_of(line: Line) -> Known:
    known = {one: result_in(await line.ask(principles_for(one))) for one in QUESTIONS}
    assert len(set(known.values())) == len(QUESTIONS), "the questions tell nothing apart"
    return known | {uri: result_in(await line.ask(resource(uri))) for uri in RESOURCES}


async def test_50_clients_get_their_own_answers_alone(tmp_path: Path, capsys: Capture) -> None:
    async with slow_judge(0.02) as judge:
        with serving(tmp_path, **judge.settings) as address:
            async with lines(address, 25, MODERN) as new, lines(address, 25, OLD) as old:
                known = [await known_of(new[0]), await known_of(old[0])]
                heard = await crowd(
                    *(
                        (line, interleaved(place, 200, known[place % 2]))
                        for place, line in enumerate(alternating(new, old))
                    )
                )

    tell(capsys, "A13 HTTP", f"{heard}, {judge.judged:,} judged (0 mix-ups)")
    assert not heard.failed
    assert len(heard.seconds) == 50 * 200
    assert judge.judged > 0


async def test_calls_in_flight_over_one_pipe_get_their_own_answers(
    tmp_path: Path, capsys: Capture
) -> None:
    async with slow_judge(0.02) as judge:
        line = await StdioLine.opened(
            CLINALIGN, "serve", env=environment(tmp_path, **judge.settings)
        )
        try:
            known = await known_of(line)
            heard = await crowd(*((line, interleaved(place, 100, known)) for place in range(16)))
        finally:
            await line.close()

    tell(capsys, "A13 stdio", f"{heard}, {judge.judged:,} judged (0 mix-ups)")
    assert not heard.failed
    assert len(heard.seconds) == 16 * 100
    assert judge.judged > 0


def alternating(some: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    return [line for pair in zip(some, others, strict=True) for line in pair]
