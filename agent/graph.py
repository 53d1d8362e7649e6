"""The graph of the agent, and the ways to run it.

    begin -> recall -> write_rubric -> draft -> assess -> (revise -> assess ...) -> approve -> end

A clinician approves only where that is wanted. It holds no model and no tool of its own: all parts
are handed in.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from agent.approval import Decision, after_approval, approve
from agent.events import Event, with_difference
from agent.judging import Judging
from agent.nodes import Nodes
from agent.state import Episode, Limits, State, ToolsBy, as_json, begun, episode_of
from agent.tracing import Step, of_episode, traced
from inference.chat import ChatModel
from inference.messages import Conversation
from inference.spans import span
from inference.words import read
from mcp_server.client import HealthTools
from rubrics.writer import WriterOptions

Agent = CompiledStateGraph[State, Any, Any, Any]
Saver = BaseCheckpointSaver[str]


def build_agent(
    policy: ChatModel,
    writer: ChatModel | None,
    tools: HealthTools,
    limits: Limits,
    options: WriterOptions = WriterOptions(),
    checkpointer: Saver | None = None,
    approval: bool = False,
    tools_by: ToolsBy = "graph",
    streams: bool = True,
) -> Agent:
    """The compiled graph.

    Args:
        policy: writes the answers.
        writer: writes the rubric the answers are judged by; None for the principles' own criteria.
        tools: the MCP tools, in this process or another.
        limits: when to stop.
        options: how the rubric is written.
        checkpointer: keeps the state after each step, by thread.
        approval: wait for a clinician before an answer is released; needs a checkpointer.
        tools_by: who calls the tools for an answer: the graph, or the policy itself. Scenario,
            rubric and score are the graph's in any case.
        streams: tell the pieces of an answer as they come; costs the model's client more.
    """
    nodes = Nodes(policy, writer, tools, limits, options, tools_by, streams)
    judging = Judging(tools, limits)
    last = "approve" if approval else END
    graph = StateGraph(State)
    graph.add_node("begin", cast(Any, _begin))
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "recall")
    for step, after in (
        (nodes.recall, "write_rubric"),
        (nodes.write_rubric, "draft"),
        (nodes.draft, "assess"),
        (judging.assess, "revise"),
        (nodes.revise, "assess"),
    ):
        going_on = cast(Any, _going_on(traced(step), after, last))
        graph.add_node(step.__name__, going_on, destinations=(after, last, END))
    if approval:
        graph.add_node("approve", cast(Any, approve))
        ways = {"revise": "revise", "assess": "assess", "stop": END}
        graph.add_conditional_edges("approve", after_approval, cast(Any, ways))
    return cast(Agent, graph.compile(checkpointer=checkpointer))


async def work(agent: Agent, conversation: Conversation, limits: Limits) -> Episode:
    """Answer one question.

    Raises:
        ModelError: the policy or the writer gave no reply. A judge that fails raises nothing.
        ToolRefused: a tool refused the call.
    """
    with span("ask") as whole:
        state = await agent.ainvoke(_entered(conversation), cast(Any, _config(limits)))
        episode = episode_of(cast(State, state))
        whole.note(**of_episode(episode))
    return episode


async def follow(
    agent: Agent,
    given: Conversation | Decision | None,
    limits: Limits,
    thread: str = "",
) -> AsyncIterator[Event]:
    """What the agent tells while it works, and at last `end` with the episode, or `approval`.

    Args:
        agent: the graph.
        given: a question to begin with, a clinician's decision, or nothing to go on with a thread
            that was interrupted.
        limits: those of the graph.
        thread: under which the state is kept, if the graph keeps any.

    Raises:
        ModelError: the policy or the writer gave no reply. A judge that fails raises nothing.
        ToolRefused: a tool refused the call.
    """
    how: dict[str, Any] = {"durability": "sync"} if thread else {}
    state, waits = State(), False
    with span("ask") as whole:
        async for kind, said in agent.astream(
            _entered(given),
            cast(Any, _config(limits, thread)),
            stream_mode=["updates", "values", "custom"],
            **how,
        ):
            if kind == "custom":
                yield with_difference(said)
            elif kind == "values":
                state = said
            elif "__interrupt__" in said:
                waits = True
                yield {"event": "approval", "laid_open": said["__interrupt__"][0].value}
            else:
                for node, made in said.items():
                    yield {
                        "event": "node",
                        "node": node,
                        "stop_reason": (made or {}).get("stop_reason"),
                    }
        if waits:
            return
        episode = episode_of(state)
        whole.note(**of_episode(episode))
    yield {"event": "end", "episode": episode}


def _config(limits: Limits, thread: str = "") -> dict[str, Any]:
    return {
        "recursion_limit": 12 + 4 * limits.rounds,  # so that the limit of rounds comes first
        "configurable": {"thread_id": thread},
    }


def _entered(given: Conversation | Decision | None) -> Any:
    if isinstance(given, Conversation):
        return State(conversation=as_json(given))
    return Command(resume=as_json(given)) if given else None


async def _begin(state: State) -> State:
    """Clear what an earlier question of the thread left."""
    return begun(read(Conversation, state["conversation"], "conversation"))


def _going_on(step: Step, after: str, last: str) -> Callable[[State], Awaitable[Command[Any]]]:
    """The step, which also says where to go: langgraph's conditional edges cost a third more."""

    @wraps(step)
    async def then(state: State) -> Command[Any]:
        made = await step(state)
        new = {**state, **made}
        onward = last if new.get("stop_reason") else after
        # What a clinician wrote was judged for the record alone.
        return Command(update=made, goto=END if new["by"] == "clinician" else onward)

    return then
