import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinalign.settings import ROLES, Settings
from inference.endpoint import Endpoint
from inference.errors import BadInput
from rubrics.writing_words import WriterOptions

LOCAL = "http://127.0.0.1:8000/v1"


def read(**said: str) -> Settings:
    return Settings.from_environment(said)


def test_with_nothing_said_nothing_is_configured() -> None:
    settings = read()

    assert [getattr(settings, role) for role in ROLES] == [None] * 5
    assert settings.data_dir.name == "clinalign"


@pytest.mark.parametrize("family", ["CLINALIGN", "CLINALIGN_JUDGE", "OPENAI", "HEALTHBENCH_GRADER"])
def test_a_key_or_a_model_without_an_address_configures_nothing(family: str) -> None:
    settings = read(**{f"{family}_API_KEY": "sk-secret", f"{family}_MODEL": "m"})

    assert [getattr(settings, role) for role in ROLES] == [None] * 5


def test_one_address_serves_every_role() -> None:
    settings = read(CLINALIGN_BASE_URL=LOCAL, CLINALIGN_MODEL="m", CLINALIGN_API_KEY="k")

    expected = Endpoint(base_url=LOCAL, model="m", api_key="k")
    assert [getattr(settings, role) for role in ROLES] == [expected] * 5


def test_a_role_goes_its_own_way() -> None:
    settings = read(
        CLINALIGN_BASE_URL=LOCAL,
        CLINALIGN_MODEL="m",
        CLINALIGN_JUDGE_BASE_URL="http://judge/v1",
        CLINALIGN_JUDGE_MODEL="j",
    )

    assert settings.judge == Endpoint(base_url="http://judge/v1", model="j")
    assert settings.policy == Endpoint(base_url=LOCAL, model="m")


def test_a_role_may_take_another_model_at_the_same_address() -> None:
    settings = read(CLINALIGN_BASE_URL=LOCAL, CLINALIGN_MODEL="m", CLINALIGN_WRITER_MODEL="w")

    assert settings.writer == Endpoint(base_url=LOCAL, model="w")


def test_the_graders_variables_serve_judge_and_examiner_before_the_general_ones() -> None:
    settings = read(
        HEALTHBENCH_GRADER_BASE_URL="http://grader/v1",
        HEALTHBENCH_GRADER_MODEL="g",
        HEALTHBENCH_GRADER_API_KEY="gk",
        OPENAI_BASE_URL="http://openai/v1",
        OPENAI_API_KEY="ok",
    )

    grader = Endpoint(base_url="http://grader/v1", model="g", api_key="gk")
    assert (settings.judge, settings.examiner) == (grader, grader)
    assert settings.policy == Endpoint(base_url="http://openai/v1", api_key="ok")


def test_a_key_is_never_sent_to_the_address_of_another_family() -> None:
    settings = read(CLINALIGN_BASE_URL=LOCAL, OPENAI_API_KEY="sk-secret")

    assert settings.policy == Endpoint(base_url=LOCAL)


def test_what_is_given_by_hand_counts_for_every_role() -> None:
    said = {"CLINALIGN_JUDGE_BASE_URL": "http://judge/v1", "CLINALIGN_JUDGE_MODEL": "j"}

    settings = Settings.from_environment(said, base_url=LOCAL, model="m")

    expected = Endpoint(base_url=LOCAL, model="m")
    assert [getattr(settings, role) for role in ROLES] == [expected] * 5


def test_a_key_shows_in_no_text() -> None:
    settings = read(CLINALIGN_BASE_URL=LOCAL, CLINALIGN_API_KEY="sk-secret")

    assert "sk-secret" not in f"{settings} {settings!r}"


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match=r"base URL is '127.0.0.1:8000'; expected an address like"):
        read(CLINALIGN_BASE_URL="127.0.0.1:8000")


def test_the_data_folder_can_be_chosen(tmp_path: Path) -> None:
    assert read(CLINALIGN_DATA_DIR=str(tmp_path)).data_dir == tmp_path


def test_tracing_that_another_project_switched_on_is_off_here() -> None:
    code = (
        "from clinalign.settings import quiet_libraries; quiet_libraries(); "
        "from langsmith import utils; print(utils.tracing_is_enabled())"
    )
    env = {**os.environ, "LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true"}

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)

    assert done.stdout == "False\n"


def test_each_role_may_think_or_not() -> None:
    settings = read(CLINALIGN_BASE_URL=LOCAL, CLINALIGN_THINKING="0", CLINALIGN_JUDGE_THINKING="1")

    assert settings.policy is not None
    assert settings.policy.thinking is False
    assert settings.judge is not None
    assert settings.judge.thinking is True
    unsaid = read(CLINALIGN_BASE_URL=LOCAL).policy
    assert unsaid is not None
    assert unsaid.thinking is None


def test_a_thinking_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(BadInput, match="CLINALIGN_POLICY_THINKING"):
        read(CLINALIGN_BASE_URL=LOCAL, CLINALIGN_POLICY_THINKING="deeply")


def test_the_writers_switches_are_off_until_they_are_named() -> None:
    assert read().writing == WriterOptions.plain()
    assert read(CLINALIGN_WRITING="full").writing == WriterOptions()
    named = read(CLINALIGN_WRITING="sweep, length").writing
    assert named == WriterOptions.plain().model_copy(update={"sweep": True, "length": True})
    with pytest.raises(BadInput, match="contrast, sweep, atomic, asking, length, ranking"):
        read(CLINALIGN_WRITING="foresight")
