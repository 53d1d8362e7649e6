"""Keeps the work on a question in one SQLite file, step by step, so that it can be gone on with.

Nothing but data is ever loaded from the file. It holds questions and answers, and is readable by
its owner alone.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, cast

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agent.graph import Agent
from agent.state import Episode, State, episode_of
from inference.errors import BadInput, StorageError
from inference.messages import Conversation, Message
from inference.words import Word

LONGEST_NAME = 200


class Thread(Word):
    """How far the work under one name has come."""

    status: Literal["new", "unfinished", "waits", "done"]
    """`waits`: for a clinician."""
    episode: Episode | None = None
    """Once there are principles."""
    laid_open: dict[str, Any] | None = None
    """What the clinician decides on."""

    def followed_by(self, question: str) -> Conversation:
        """The conversation so far, and a further question."""
        assert self.episode is not None
        answer = Message(role="assistant", content=self.episode.answer)
        return Conversation.of(question, (*self.episode.conversation.messages, answer))


@asynccontextmanager
async def open_threads(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """The file, for the graph.

    Raises:
        StorageError: it cannot be used.
    """
    serde = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
    try:
        _make(path)
        async with aiosqlite.connect(path) as connection:
            saver = AsyncSqliteSaver(connection, serde=serde)
            saver.jsonplus_serde = serde
            await saver.setup()
            yield saver
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{path} cannot be used ({error}); remove it") from error


async def thread_of(agent: Agent, name: str) -> Thread:
    """How far the work under this name has come.

    Raises:
        BadInput: the name is none, or what is kept under it is not ours.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput("--thread", f"a name of at most {LONGEST_NAME} printable characters")
    try:
        kept = await agent.aget_state({"configurable": {"thread_id": name}})
    except (TypeError, ValueError, LookupError, AttributeError, NotImplementedError) as error:
        raise _not_ours(name) from error
    state = kept.values
    if not state:
        return Thread(status="new")
    if not isinstance(state, dict):
        raise _not_ours(name)
    episode = episode_of(cast(State, state)) if "recalled" in state else None
    if kept.interrupts:
        return Thread(status="waits", episode=episode, laid_open=kept.interrupts[0].value)
    return Thread(status="unfinished" if kept.next else "done", episode=episode)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)


def _not_ours(name: str) -> BadInput:
    return BadInput(f"thread {name}", "what this version of clinalign kept; choose another name")
