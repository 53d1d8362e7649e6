"""The graph of the agent, and the one call that runs it.

    recall -> write_rubric -> draft -> assess -> (stop, or revise -> assess ...)

It holds no model and no tool of its own: all parts are handed in.
"""

from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agent.nodes import Nodes
from agent.state import Episode, Limits
from inference.chat import ChatModel
from inference.messages import Conversation
from mcp_server.client import HealthTools
from rubrics.writer import RubricWriter

Agent = CompiledStateGraph[Episode, Any, Any, Any]


def build_agent(
    policy: ChatModel, writer: RubricWriter, tools: HealthTools, limits: Limits
) -> Agent:
    """The compiled graph.

    Args:
        policy: writes the answers.
        writer: writes the rubric the answers are judged by.
        tools: the MCP tools, in this process or another.
        limits: when to stop.
    """
    nodes = Nodes(policy, writer, tools, limits)
    graph = StateGraph(Episode)
    for step in (nodes.recall, nodes.write_rubric, nodes.draft, nodes.assess, nodes.revise):
        graph.add_node(step.__name__, cast(Any, step))
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "write_rubric")
    graph.add_edge("write_rubric", "draft")
    graph.add_edge("draft", "assess")
    graph.add_conditional_edges("assess", _after_assessing, {"revise": "revise", "stop": END})
    graph.add_edge("revise", "assess")
    return cast(Agent, graph.compile())


async def work(agent: Agent, conversation: Conversation, limits: Limits) -> Episode:
    """Answer one question.

    Raises:
        ModelError: the policy or the writer gave no reply. A judge that fails raises nothing.
        ToolRefused: a tool refused the call.
    """
    most_steps = 6 + 2 * limits.rounds  # so that the limit of rounds always comes first
    finished = await agent.ainvoke({"conversation": conversation}, {"recursion_limit": most_steps})
    return cast(Episode, finished)


def _after_assessing(episode: Episode) -> str:
    return "stop" if episode["stop_reason"] else "revise"
