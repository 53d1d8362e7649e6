"""Work that is kept: gone on with after an interruption, and never anything but data."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

from agent.approval import Decision
from agent.graph import Agent, build_agent, follow
from agent.state import Limits
from agent.threads import open_threads, thread_of
from inference.errors import BadInput, ModelUnreachable, StorageError
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from tests.agent.fake_tools import FakeTools, criterion
from tests.conftest import ROOT

ASKED = Conversation.of("How do I care for a sprained ankle?")
CRITERIA = (criterion("cools", 6), criterion("rests", 4), criterion("forces", -5, critical=True))
LIMITS = Limits(target=1.0)


def agent_of(saver: Any, policy: Any, rounds: list[str], approval: bool = False) -> Agent:
    tools = FakeTools(CRITERIA, rounds)
    return build_agent(policy, None, tools, LIMITS, checkpointer=saver, approval=approval)


async def told(agent: Agent, given: Any, thread: str = "t") -> list[dict[str, Any]]:
    return [event async for event in follow(agent, given, LIMITS, thread)]


async def test_work_that_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    gone = ModelUnreachable("gone")
    policy = ScriptedChat(["Rest it.", gone, "Rest it. Cool it."])
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, policy, ["UMU", "MMU"])
        with pytest.raises(ModelUnreachable):
            await told(agent, ASKED)
        broken = await thread_of(agent, "t")
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, policy, ["MMU"])
        *before, end = await told(agent, None)
        done = await thread_of(agent, "t")

    assert broken.status == "unfinished"
    assert [event["node"] for event in before if event["event"] == "node"] == ["revise", "assess"]
    assert [one.answer for one in end["episode"].attempts] == ["Rest it.", "Rest it. Cool it."]
    assert end["episode"].stop_reason == "target_reached"
    assert (done.status, done.episode) == ("done", end["episode"])


async def test_a_further_question_begins_anew_with_what_was_said(tmp_path: Path) -> None:
    policy = ScriptedChat(["Rest it. Cool it.", "Two days."])
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, policy, ["MMU"])
        await told(agent, ASKED)
        thread = await thread_of(agent, "t")
        *_, end = await told(agent, thread.followed_by("For how long?"))

    assert [one.content for one in end["episode"].conversation.messages] == [
        ASKED.question,
        "Rest it. Cool it.",
        "For how long?",
    ]
    assert [one.answer for one in end["episode"].attempts] == ["Two days."]
    assert end["episode"].spent.calls == 1


async def test_threads_do_not_hear_of_each_other(tmp_path: Path) -> None:
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, ScriptedChat(["Rest it."]), ["MMU"])
        await told(agent, ASKED, "one")

        assert (await thread_of(agent, "two")).status == "new"


async def test_an_answer_waits_for_its_clinician_also_after_a_restart(tmp_path: Path) -> None:
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, ScriptedChat(["Rest it."] * 2), ["UMU"], approval=True)
        *_, last = await told(agent, ASKED)
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, ScriptedChat([]), ["UMU"], approval=True)
        waiting = await thread_of(agent, "t")
        *_, end = await told(agent, Decision(action="accept"))

    assert last["event"] == "approval"
    assert waiting.status == "waits"
    assert waiting.laid_open == last["laid_open"]
    assert last["laid_open"]["answer"] == "Rest it."
    assert [one["id"] for one in last["laid_open"]["open"]] == ["cools"]
    assert end["episode"].answer == "Rest it."


async def test_an_edited_answer_is_the_answer_and_is_judged_for_the_record(tmp_path: Path) -> None:
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, ScriptedChat(["Rest it."] * 2), ["UMU", "UMU", "UMM"], True)
        await told(agent, ASKED)
        *_, end = await told(agent, Decision(action="edit", text="Rest it, then run."))

    assert end["episode"].answer == "Rest it, then run."
    assert end["episode"].attempts[-1].by == "clinician"
    assert end["episode"].flips[-1].lost[0].criterion_id == "forces"


async def test_an_answer_that_is_sent_back_is_revised_by_the_note(tmp_path: Path) -> None:
    policy = ScriptedChat(["Rest it."] * 2 + ["Rest it. It heals."])
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, policy, ["UMU"], approval=True)
        await told(agent, ASKED)
        *_, again = await told(agent, Decision(action="send_back", text="Say that it heals."))
        *_, end = await told(agent, Decision(action="accept"))

    assert "<wanted>\nSay that it heals.\n</wanted>" in policy.asked[-1][0].content
    assert again["laid_open"]["answer"] == "Rest it. It heals."
    assert end["episode"].answer == "Rest it. It heals."


async def test_not_even_a_clinicians_wish_costs_what_is_critical(tmp_path: Path) -> None:
    policy = ScriptedChat(["Rest it."] * 2 + ["Run on it."])
    async with open_threads(tmp_path / "threads.sqlite") as saver:
        agent = agent_of(saver, policy, ["UMU", "UMU", "MMM"], approval=True)
        await told(agent, ASKED)
        *_, again = await told(agent, Decision(action="send_back", text="Let him run."))

    assert again["laid_open"]["answer"] == "Rest it."
    assert again["laid_open"]["refused"] in ("no_gain", "regression_refused")


@pytest.mark.parametrize(
    "decision", [{"action": "accept", "text": "x"}, {"action": "edit"}, {"action": "send_back"}]
)
def test_a_decision_says_what_it_means(decision: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a text with edit and send_back"):
        Decision.model_validate(decision)


async def test_the_file_is_its_owners_alone_and_holds_no_types(tmp_path: Path) -> None:
    path = tmp_path / "threads.sqlite"
    async with open_threads(path) as saver:
        await told(agent_of(saver, ScriptedChat(["Rest it."]), ["MMU"]), ASKED)

    assert path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(path) as store:
        kept = store.execute("SELECT type, checkpoint FROM checkpoints").fetchall()
        kept += store.execute("SELECT type, value FROM writes").fetchall()
    assert {kind for kind, _ in kept} <= {"msgpack", "null"}
    for kind, one in kept:
        if kind == "msgpack":
            ormsgpack.unpackb(one)  # fails at what is no data


@pytest.mark.parametrize("kind", ["msgpack", "pickle", "json", "null", "bytes"])
@pytest.mark.parametrize("number", range(10))
async def test_a_crafted_checkpoint_is_refused_and_runs_nothing(
    tmp_path: Path, kind: str, number: int
) -> None:
    path, trace = tmp_path / "threads.sqlite", tmp_path / "trace"
    async with open_threads(path) as saver:
        await told(agent_of(saver, ScriptedChat(["Rest it."]), ["MMU"]), ASKED)
    with sqlite3.connect(path) as store:
        crafted = _crafted(kind, number, trace)
        store.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (kind, crafted))

    async with open_threads(path) as saver:
        agent = agent_of(saver, ScriptedChat(["Rest it."]), ["MMU"])
        with pytest.raises((BadInput, StorageError)):
            await thread_of(agent, "t")

    assert not trace.exists()


def _crafted(kind: str, number: int, trace: Path) -> bytes:
    """Bytes that would run or make something, if types were loaded from them."""

    class Runs:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(trace),)

    if kind == "pickle":
        return pickle.dumps(Runs())
    call = ormsgpack.packb(["os", "mkdir", [str(trace)], "", {}])
    ext = ormsgpack.packb(ormsgpack.Ext(number % 7, call))
    return (
        ext if kind == "msgpack" else (b'{"lc": 2, "type": "constructor"}', b"\xc1" * 9)[number % 2]
    )


KILLED = """
import sys, os, asyncio
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.agent.killed_worker import main
main(Path({folder!r}), {step})
"""


def test_a_killed_process_repeats_at_most_one_step_and_ends_the_same(tmp_path: Path) -> None:
    """Killed at every point between its steps and within them, one process after another."""
    unkilled = _run(tmp_path / "whole", 0)
    for step in range(1, 12):
        folder = tmp_path / str(step)
        killed = _run(folder, step)
        finished = _run(folder, 0)

        assert killed.returncode == -signal.SIGKILL or killed.returncode == 0
        assert finished.stdout == unkilled.stdout
        calls = (folder / "calls").read_text().split()
        wanted = (tmp_path / "whole" / "calls").read_text().split()
        assert sorted(set(calls)) == sorted(set(wanted))
        assert len(calls) <= len(wanted) + 1


def _run(folder: Path, step: int) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    code = KILLED.format(root=str(ROOT), folder=str(folder), step=step)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
