"""Who judges, by the settings: as `serve` and as `ask` see it."""

from pathlib import Path
from typing import Any

import pytest

from clinalign.commands.serve import open_serving
from clinalign.parts import open_server
from clinalign.settings import Settings, who_judges
from inference.endpoint import Endpoint
from inference.errors import BadInput
from inference.messages import Conversation
from mcp_server.client import HealthTools, connected
from rubrics.types import Rubric
from tests.fake_server import judging, serving

ASKED = Conversation.of("My father has chest pain.")
RUBRIC = Rubric.from_rows([{"criterion": "Tells the reader to call", "points": 9}])
GONE = Endpoint(base_url="http://127.0.0.1:9/v1", model="m", api_key="EMPTY")


@pytest.mark.parametrize(
    ("choice", "endpoint", "serve", "ask"),
    [
        ("auto", None, "client", "builtin"),
        ("auto", GONE, "model", "model"),
        ("client", GONE, "client", "client"),
        ("builtin", GONE, "builtin", "builtin"),
        ("model", GONE, "model", "model"),
    ],
)
def test_the_settings_say_who_judges(
    choice: Any, endpoint: Endpoint | None, serve: str, ask: str
) -> None:
    settings = Settings(data_dir=Path("x"), judge=endpoint, judge_choice=choice)

    assert who_judges(settings, "client") == serve
    assert who_judges(settings, "builtin") == ask


def test_a_model_that_is_wanted_and_not_configured_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="set CLINALIGN_JUDGE_BASE_URL"):
        open_serving(Settings(data_dir=tmp_path, judge_choice="model"))


def test_where_there_is_no_client_none_can_judge(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no client can judge here"):
        open_server(Settings(data_dir=tmp_path, judge_choice="client"))


def test_another_word_for_the_judge_is_refused() -> None:
    with pytest.raises(BadInput, match=r"CLINALIGN_JUDGE is 'gpt'; expected one of auto, client"):
        Settings.from_environment({"CLINALIGN_JUDGE": "gpt"})


def test_a_token_is_never_shown() -> None:
    settings = Settings.from_environment({"CLINALIGN_SERVE_TOKEN": "hush-hush"})

    assert settings.access.token == "hush-hush"
    assert "hush" not in repr(settings)


async def test_a_judge_model_is_looked_for_when_an_answer_is_scored(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir, judge=GONE)

    async with connected(open_serving(settings)) as tools:
        found = await tools.get_health_principles(ASKED)
        scored = await _scored(tools)

    assert found.principles
    assert scored.status == "ungraded"
    assert "127.0.0.1:9" in scored.reason


async def test_a_judge_model_left_open_is_filled_in_and_judges(data_dir: Path) -> None:
    with serving(judging()) as fake:
        endpoint = Endpoint(base_url=fake.base_url, model="", api_key="EMPTY")
        async with connected(open_serving(Settings(data_dir=data_dir, judge=endpoint))) as tools:
            scored = await _scored(tools)

    assert scored.status == "complete"
    assert scored.judge.startswith("fake")
    assert [one.verdict for one in scored.verdicts] == ["UNMET"]


async def _scored(tools: HealthTools) -> Any:
    return await tools.score_against_rubric(ASKED, "Call the emergency number now.", RUBRIC)
