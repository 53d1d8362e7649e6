"""What `langgraph.json` names is the graph, and runs."""

import importlib.util
import json
from pathlib import Path

import pytest

from agent.state import State, episode_of
from tests.conftest import ROOT


async def test_the_graph_that_studio_opens_answers(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
    named = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]["clinalign"]
    path, name = named.split(":")
    spec = importlib.util.spec_from_file_location("studio", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    async with getattr(module, name)() as graph:
        question = {"role": "user", "content": "How much paracetamol may an adult take in a day?"}
        given = State(conversation={"messages": [question]})
        state = await graph.ainvoke(given)

    episode = episode_of(state)
    assert "paracetamol" in episode.answer.lower()
    assert episode.stop_reason
