"""Scores that take longer than a call may, and scores by the caller's own verdicts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult, TextContent

from inference.errors import ModelUnreachable
from inference.messages import Conversation
from mcp_server import jobs
from mcp_server.audit import broken_at
from mcp_server.server import HealthServer
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.judge import Heard, Judge, unheard
from rubrics.reading import ScenarioReader
from rubrics.types import Rubric, Verdict
from tests.builders import server_of

ANSWER = "Call the emergency number now. Do not wait until morning."
ROWS = [
    {"criterion": "Tells the reader to call the emergency number", "points": 9, "critical": True},
    {"criterion": "Names a dose", "points": 3},
    {"criterion": "Tells the reader to wait", "points": -5},
]
ASKED: dict[str, Any] = {"question": "My father has chest pain.", "answer": ANSWER, "rubric": ROWS}


class StubbornJudge:
    """A fake that judges the first criteria at once and the others when it is let."""

    name, fingerprint, agreement = "stubborn", "stubborn", "none"

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self.begun, self.let = asyncio.Event(), asyncio.Event()
        self.asked: list[list[str]] = []
        self.cancelled = asyncio.Event()

    async def verdicts(
        self, conversation: Conversation, answer: str, rubric: Rubric, heard: Heard = unheard
    ) -> tuple[Verdict, ...]:
        self.begun.set()
        self.asked.append([one.id for one in rubric.criteria])
        said = []
        for place, one in enumerate(rubric.criteria):
            if place == self._at_once:
                await self._waits()
            said.append(Verdict(criterion_id=one.id, verdict="MET", quote="Call"))
            heard(said[-1])
        return tuple(said)

    async def _waits(self) -> None:
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


Served = Callable[[Judge | None], Any]


@pytest.fixture
def served(
    library: Library, reader: ScenarioReader, embedder: Any, cached: Any, tmp_path: Path
) -> Served:
    """A client of a server with this judge; the data folder stays the same."""
    store = InMemoryPrincipleStore(library, embedder, cached)

    @asynccontextmanager
    async def client_of(judge: Judge | None) -> AsyncIterator[Client]:
        async with Client(server_of(store, reader, judge, tmp_path)) as client:
            yield client

    return client_of


async def test_when_the_time_is_over_the_score_is_partial_with_bounds(served: Served) -> None:
    async with served(StubbornJudge()) as client:
        scored = await _scored(client, budget_seconds=0.05)

    assert scored["status"] == "partial"
    assert scored["score"]["fraction"] is None
    assert scored["score"]["coverage"] == 1 / 3
    assert (scored["score"]["lower"], scored["score"]["upper"]) == ((9 - 5) / 12, (9 + 3) / 12)
    assert [one["reason"] for one in scored["verdicts"]] == ["", "pending", "pending"]
    assert scored["reason"].startswith("1 of 3 criteria judged when the time was over")
    assert len(scored["job_id"]) > 20


async def test_the_rest_of_a_partial_score_is_fetched_by_its_job(served: Served) -> None:
    judge = StubbornJudge()
    async with served(judge) as client:
        begun = await _scored(client, budget_seconds=0.05)
        still = await _rest(client, begun["job_id"], budget_seconds=0)
        judge.let.set()
        done = await _rest(client, begun["job_id"])
        again = await _rest(client, begun["job_id"])

    assert still["status"] == "partial"
    assert (done["status"], done["score"]["earned"]) == ("complete", 9 + 3 - 5)
    assert again == done
    assert judge.asked == [["c1", "c2", "c3"]]


async def test_a_job_goes_on_after_a_restart_without_judging_anything_twice(
    served: Served, tmp_path: Path
) -> None:
    async with served(StubbornJudge()) as client:
        begun = await _scored(client, budget_seconds=0.05)
    second = StubbornJudge(at_once=3)
    async with served(second) as client:
        done = await _rest(client, begun["job_id"])

    assert done["status"] == "complete"
    assert second.asked == [["c2", "c3"]]
    assert done["rubric"] == begun["rubric"]


async def test_a_finished_job_keeps_no_question_and_no_answer(
    served: Served, tmp_path: Path
) -> None:
    judge = StubbornJudge()
    async with served(judge) as client:
        begun = await _scored(client, budget_seconds=0.05, question="SECRET chest pain")
        during = (tmp_path / "jobs.sqlite").read_bytes()
        judge.let.set()
        await _rest(client, begun["job_id"])

    assert b"SECRET" in during
    assert b"SECRET" not in (tmp_path / "jobs.sqlite").read_bytes()
    assert (tmp_path / "jobs.sqlite").stat().st_mode & 0o777 == 0o600


async def test_a_job_is_forgotten_after_a_day(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(StubbornJudge()) as client:
        begun = await _scored(client, budget_seconds=0.05)
    monkeypatch.setattr(jobs, "KEPT_SECONDS", -1)
    async with served(StubbornJudge()) as client:
        refused = await _call(client, "get_score", {"job_id": begun["job_id"]})

    assert "job_id: expected the job_id of a partial score of the last 24 hours" in _text(refused)


async def test_without_a_place_for_jobs_there_is_still_a_partial_score(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "jobs.sqlite").mkdir()
    judge = StubbornJudge()
    async with served(judge) as client:
        scored = await _scored(client, budget_seconds=0.05)
        await judge.cancelled.wait()

    assert (scored["status"], scored["job_id"]) == ("partial", "")
    assert "cannot go on in the background" in scored["reason"]


async def test_a_job_store_that_was_spoilt_is_named_with_the_way_out(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 100)
    async with served(StubbornJudge()) as client:
        refused = await _call(client, "get_score", {"job_id": "x"})

    assert "jobs.sqlite cannot be used" in _text(refused)
    assert "remove it" in _text(refused)


async def test_cancelling_a_call_stops_the_judge(served: Served) -> None:
    judge = StubbornJudge()
    async with served(judge) as client:
        call = asyncio.create_task(_scored(client))
        await judge.begun.wait()
        call.cancel()
        await asyncio.wait_for(judge.cancelled.wait(), 5)


async def test_progress_is_told_and_only_ever_rises(served: Served) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(there: float, total: float | None, message: str | None) -> None:
        told.append((there, total, message))

    async with served(StubbornJudge()) as client:
        arguments = {**ASKED, "budget_seconds": 0.2}
        await client.call_tool("score_against_rubric", arguments, progress_callback=hear)

    assert told == [(1, 3, "1 of 3 criteria judged; c1: MET")]


async def test_a_judge_whose_model_is_gone_makes_no_score(
    library: Library, reader: ScenarioReader, embedder: Any, cached: Any, tmp_path: Path
) -> None:
    async def gone(mode: str) -> Judge | None:
        raise ModelUnreachable("nothing answers at http://x")

    store = InMemoryPrincipleStore(library, embedder, cached)
    server = _with_judging(server_of(store, reader, None, tmp_path), gone)
    async with Client(server) as client:
        scored = await _scored(client)

    assert scored["status"] == "ungraded"
    assert "nothing answers at http://x" in scored["reason"]


async def test_without_a_judge_the_caller_gets_a_packet_and_its_verdicts_count(
    served: Served,
) -> None:
    async with served(None) as client:
        asked = await _scored(client)
        packet = asked["packet"]
        scored = await _scored(client, verdicts=_said("MET", "UNMET", "UNMET"))

    assert (asked["status"], asked["score"], asked["verdicts"]) == ("needs_verdicts", None, [])
    assert packet["criteria"][0] == {
        "criterion_id": "c1",
        "criterion": "Tells the reader to call the emergency number",
    }
    assert "points" not in json.dumps(packet)
    assert (scored["status"], scored["score"]["fraction"]) == ("complete", 9 / 12)
    assert scored["judge"] == "the caller's own model"


async def test_a_packet_made_from_principles_says_how_to_get_the_same_rubric_again(
    served: Served,
) -> None:
    async with served(None) as client:
        asked = await _scored(client, rubric=[])
        same = await _scored(client, rubric=[], principle_ids=asked["packet"]["principle_ids"])

    assert asked["packet"]["principle_ids"]
    assert same["rubric"] == asked["rubric"]


async def test_a_quote_that_does_not_stand_in_the_answer_counts_as_not_judged(
    served: Served,
) -> None:
    async with served(None) as client:
        scored = await _scored(client, verdicts=_said("MET", "MET", "UNMET", quote="aspirin 300"))

    assert [one["verdict"] for one in scored["verdicts"]] == ["ABSTAIN", "ABSTAIN", "UNMET"]
    assert scored["verdicts"][0]["reason"] == "unverified"
    assert scored["score"]["fraction"] is None


async def test_an_empty_answer_earns_nothing_whatever_the_caller_says(served: Served) -> None:
    said = _said("MET", "UNMET", "UNMET", quote="Of course")
    async with served(None) as client:
        scored = await _scored(client, answer="Of course! I hope this helps.", verdicts=said)

    assert scored["score"]["earned"] == 0


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([{"criterion_id": "c1", "verdict": "MET"}], "2 missing (c2, c3)"),
        ([{"criterion_id": one, "verdict": "UNMET"} for one in "abc"], "3 not in the rubric"),
        ([{"criterion_id": "c1", "verdict": "UNMET"}] * 4, "1 given twice"),
        ([{"criterion_id": "c1", "verdict": "YES"}], "verdicts[0].verdict: expected one of 'MET'"),
        ([{"criterion_id": "c1", "verdict": "ERROR"}], "verdicts[0].verdict"),
        ([{"criterion_id": "c1"}], "verdicts[0].verdict: expected a value; it is missing"),
        ("[]", "verdicts: expected an array, not a text"),
    ],
)
async def test_verdicts_that_do_not_fit_are_refused(
    served: Served, verdicts: Any, expected: str
) -> None:
    async with served(None) as client:
        refused = await _call(client, "score_against_rubric", {**ASKED, "verdicts": verdicts})

    assert refused.is_error
    assert expected in _text(refused)


async def test_each_score_by_a_caller_leaves_a_line_without_text(
    served: Served, tmp_path: Path
) -> None:
    async with served(None) as client:
        for verdict in ("MET", "UNMET"):
            scored = await _scored(client, verdicts=_said(verdict, "UNMET", "UNMET"))

    text = (tmp_path / "audit.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[-1]["id"] == scored["audit_id"]
    assert [line["verdicts"][0] for line in lines] == ["MET", "UNMET"]
    assert [line["earned"] for line in lines] == [9, 0]
    assert broken_at(lines) is None
    assert broken_at([lines[0] | {"earned": 12}, lines[1]]) == 2
    assert "emergency" not in text


def _said(*values: str, quote: str = "Call the emergency number now") -> list[dict[str, str]]:
    return [
        {"criterion_id": f"c{place}", "verdict": value, "quote": quote if value == "MET" else ""}
        for place, value in enumerate(values, start=1)
    ]


def _with_judging(server: HealthServer, judging: Any) -> HealthServer:
    house = server._entrance.warm_up().result()
    object.__setattr__(house, "judging", judging)
    return server


async def _scored(client: Client, **also: Any) -> dict[str, Any]:
    return _data(await _call(client, "score_against_rubric", {**ASKED, **also}))


async def _rest(client: Client, job_id: str, **also: Any) -> dict[str, Any]:
    return _data(await _call(client, "get_score", {"job_id": job_id, **also}))


async def _call(client: Client, name: str, arguments: dict[str, Any]) -> CallToolResult:
    found = await client.call_tool(name, arguments)
    assert isinstance(found, CallToolResult)
    return found


def _data(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, _text(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def _text(result: CallToolResult) -> str:
    return " ".join(block.text for block in result.content if isinstance(block, TextContent))
