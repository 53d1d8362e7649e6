"""The agent's graph for LangGraph Studio and the LangGraph server; `langgraph.json` names it.

Its input is `{"conversation": {"messages": [{"role": "user", "content": "..."}]}}`. The server
keeps the threads, so the graph brings no checkpointer of its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.graph import Agent
from agent.state import Limits
from clinalign.desk import open_desk
from clinalign.settings import Settings, quiet_libraries


@asynccontextmanager
async def graph() -> AsyncIterator[Agent]:
    """The compiled graph with the models of the environment."""
    quiet_libraries()
    async with open_desk(Settings.from_environment()) as desk:
        yield desk.agent(Limits())
