"""`clinalign ask`: one question through the whole house."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import Any, Literal

from agent.approval import Decision, LaidOpen
from agent.events import Event
from agent.graph import Agent, follow
from agent.state import Attempt, Episode, Limits
from agent.threads import Thread, open_threads, thread_of
from clinalign.commands.files import read_json
from clinalign.commands.principles import scenario_data
from clinalign.desk import Desk, open_desk
from clinalign.render_episode import live, notes, show_episode, show_laid_open
from clinalign.settings import Settings
from inference.errors import BadInput
from inference.messages import Conversation
from inference.words import Word, read


class Way(Word):
    """How a question is worked on and shown."""

    limits: Limits = Limits()
    thread: str = ""
    """Under which the work is kept; empty: it is not."""
    approve: bool = False
    """Wait for a clinician before the answer is released."""
    output: Literal["page", "json", "events"] = "page"


def run(question: str, conversation: str, settings: Settings, way: Way) -> None:
    """Answer and print.

    Raises:
        ClinalignError: the question, a model or the data folder cannot be used.
    """
    asked = _conversation(question, conversation) if question or conversation else None
    if asked is None and not way.thread:
        raise BadInput("question", "a question that is not empty, or a thread to go on with")
    if way.approve and not way.thread:
        raise BadInput("--approve", "a --thread, so that the answer can wait for its clinician")
    asyncio.run(_work(settings, asked, way))


async def _work(settings: Settings, asked: Conversation | None, way: Way) -> None:
    async with AsyncExitStack() as opened:
        desk = await opened.enter_async_context(open_desk(settings, remembers=bool(way.thread)))
        saver = None
        if way.thread:
            threads = open_threads(settings.data_dir / "threads.sqlite")
            saver = await opened.enter_async_context(threads)
        agent = desk.agent(way.limits, saver, way.approve)
        given: Conversation | Decision | None = await _given(agent, asked, way)
        while (event := await _shown(agent, given, way))["event"] == "approval":
            given = _decided(event["laid_open"], way)
            if given is None:
                return
        _print(event["episode"], desk, way)


async def _given(
    agent: Agent, asked: Conversation | None, way: Way
) -> Conversation | Decision | None:
    """What the agent begins or goes on with."""
    if not way.thread:
        return asked
    thread = await thread_of(agent, way.thread)
    if thread.status in ("unfinished", "waits"):
        _check_no_question(asked, thread, way)
        return None
    if asked is None:
        raise BadInput("question", f"a question: thread {way.thread} is {thread.status}")
    if thread.status == "done" and len(asked.messages) == 1:
        return thread.followed_by(asked.question)
    return asked


def _check_no_question(asked: Conversation | None, thread: Thread, way: Way) -> None:
    first = thread.episode.conversation if thread.episode else None
    if asked is not None and first is not None and asked.question != first.question:
        raise BadInput(
            "question",
            f"none: thread {way.thread} has an unfinished one; finish it first, or name another",
        )


async def _shown(agent: Agent, given: Any, way: Way) -> Event:
    """Follow the work to its end, or to where a clinician is waited for."""
    with live() as told:
        async for event in follow(agent, given, way.limits, way.thread):
            if event["event"] in ("end", "approval"):
                return event
            if way.output == "events":
                print(json.dumps(event, ensure_ascii=False), flush=True)
            else:
                told(event)
    raise AssertionError("every run ends")


def _decided(laid_open: dict[str, Any], way: Way) -> Decision | None:
    """What the clinician at the terminal decides; None to leave it waiting."""
    if way.output != "page" or not sys.stdin.isatty():
        event = {"event": "approval", "thread": way.thread, "laid_open": laid_open}
        print(json.dumps(event, ensure_ascii=False))
        return None
    show_laid_open(read(LaidOpen, laid_open, "thread"))
    while True:
        said = input("[a]ccept, [e]dit, [s]end back, [l]ater: ").strip().lower()[:1]
        match said:
            case "a":
                return Decision(action="accept")
            case "e":
                return _with_text("edit", "The answer as it shall be; a line with . alone ends it:")
            case "s":
                return _with_text("send_back", "What is to be changed; a line with . ends it:")
            case "l":
                return None


def _with_text(action: Literal["edit", "send_back"], wanted: str) -> Decision:
    print(wanted)
    lines = []
    while (line := input()) != ".":
        lines.append(line)
    return read(Decision, {"action": action, "text": "\n".join(lines)}, "decision")


def _print(episode: Episode, desk: Desk, way: Way) -> None:
    if way.output == "page":
        show_episode(episode, desk.policy.name)
        return
    data = as_data(episode, desk.policy.name)
    if way.output == "events":
        data = {"event": "end", "episode": data}
    print(json.dumps(data, ensure_ascii=False), flush=True)


def as_data(episode: Episode, policy: str) -> dict[str, Any]:
    """The episode as the one JSON object that programs read."""
    recalled, written = episode.recalled, episode.written
    shown = {"id", "statement", "score", "why", "sources"}
    return {
        "prompt": [one.model_dump() for one in episode.conversation.messages],
        "question": episode.conversation.question,
        "scenario": scenario_data(recalled),
        "referral": episode.referral,
        "principles": [one.model_dump(mode="json", include=shown) for one in recalled.principles],
        "rubric": written.rubric.rows() if written else [],
        "rubric_by": written.written_by if written else "",
        "attempts": [_attempt(attempt) for attempt in episode.attempts],
        "flips": [one.model_dump(mode="json") for one in episode.flips],
        "chosen": episode.chosen,
        "answer": episode.answer,
        "stop_reason": episode.stop_reason,
        "judge": episode.judge or "none: there was nothing to judge",
        "judge_agreement": episode.judge_agreement,
        "model": policy,
        "spent": episode.spent.model_dump(),
        "library": recalled.library.model_dump(),
        "notes": notes(episode),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    points = attempt.score.model_dump()
    if attempt.ungraded:  # nothing was judged: no zero may stand for it
        points |= dict.fromkeys(("earned", "possible", "fraction"))
    return {
        "answer": attempt.answer,
        "by": attempt.by,
        "accepted": attempt.accepted,
        "score": points,
        "ungraded": attempt.ungraded,
        "truncated": attempt.truncated,
        "verdicts": [verdict.model_dump() for verdict in attempt.verdicts],
    }


def _conversation(question: str, path: str) -> Conversation:
    """The turns of the file, then the question as the next one; either may be left out."""
    turns = turns_of(read_json(path, "--conversation")) if path else []
    if question or not turns:
        turns = [*turns, {"role": "user", "content": question}]
    return read(Conversation, {"messages": turns}, "question")


def turns_of(given: Any) -> list[Any]:
    """The messages of a list, or of a benchmark's or an API's row that holds one."""
    if isinstance(given, dict):
        given = given.get("prompt", given.get("messages"))
        given = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(given, list):
        raise BadInput("--conversation", "a list of {role, content}, or an object with `prompt`")
    return given
