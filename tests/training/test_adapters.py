"""One reward for other trainers: real tools, a judge by rule; their packages where installed."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clinalign import verl_score
from inference.embedding import MemoEmbedder
from inference.errors import BadInput
from inference.extras import Lacking
from inference.vectors import VectorCache
from mcp_server.client import connected
from principle_store.memory import InMemoryPrincipleStore
from principle_store.types import Library
from rubrics.reading import ScenarioReader
from tests.builders import server_of
from tests.fake_server import judging, serving
from tests.training_runs.kit import AGE, CALL, REST, TABLETS, RuleJudge, rubric_rows, write_rows
from training import adapters
from training.adapters import NoReward, SingleReward, kept_open, opened
from training.open_env import Answer, NotAsked, RubricEnvironment, served
from training.reward_terms import Overlong, Terms
from training.run_data import Task, tasks_of
from training.verifiers_environment import rubric_taskset
from training.verl_reward import score, verl_row

ASKED = "I have crushing chest pain."
TALK = [
    {"role": "user", "content": "It began today."},
    {"role": "assistant", "content": "What did?"},
    {"role": "user", "content": ASKED},
]
ROWS = rubric_rows(emergent=True)  # call 2, rest -1, age 4, unsure 3, pills -4
GROUND_TRUTH = json.dumps(ROWS)
EXTRA = {"question": ASKED}
Rewarding = Callable[..., AbstractContextManager[SingleReward]]
beside_us = pytest.mark.filterwarnings("ignore")  # another project's warnings are not ours


@pytest.fixture
def rewarding(
    library: Library, reader: ScenarioReader, embedder: MemoEmbedder, cached: VectorCache
) -> Rewarding:
    @contextmanager
    def of(judge: RuleJudge, **settings: Any) -> Iterator[SingleReward]:
        store = InMemoryPrincipleStore(library, embedder, cached)
        with opened(lambda: connected(server_of(store, reader, judge)), **settings) as reward:
            yield reward

    return of


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    row: dict[str, Any] = {"prompt": TALK, "rubrics": ROWS, "prompt_id": "talk"}
    return write_rows(tmp_path / "rows.jsonl", [row, {**row, "prompt": ASKED, "prompt_id": "one"}])


@pytest.fixture
def tasks(rows: Path) -> list[Task]:
    return tasks_of(str(rows), "rows")


async def test_verl_is_given_the_share_of_points(rewarding: Rewarding) -> None:
    with rewarding(RuleJudge()) as reward:
        good = await score(reward, f"{CALL} {AGE}", GROUND_TRUTH, EXTRA)
        harmful = await score(reward, f"{REST} {TABLETS}", GROUND_TRUTH, EXTRA)

    assert good == {"score": pytest.approx((2 + 4) / 9), "coverage": 1.0}
    assert harmful == {"score": pytest.approx((-1 - 4) / 9), "coverage": 1.0}


async def test_what_could_not_be_judged_is_raised_and_is_never_a_number(
    rewarding: Rewarding,
) -> None:
    judge = RuleJudge(fails=lambda _: True)
    told = "to be left out: none of 5 criteria was judged"
    with rewarding(judge, tries=3) as reward, pytest.raises(NoReward, match=told):
        await score(reward, AGE, GROUND_TRUTH, EXTRA)

    assert judge.calls == 3


async def test_a_second_try_may_find_what_the_first_did_not(rewarding: Rewarding) -> None:
    with rewarding(RuleJudge(fails=lambda call: call == 1)) as reward:
        found = await score(reward, AGE, GROUND_TRUTH, EXTRA)

    assert found["score"] == pytest.approx(4 / 9)


@pytest.mark.parametrize("said", [f"<think>{AGE}</think>{CALL}", f"{AGE}</think>\n{CALL}"])
async def test_thoughts_are_not_judged(said: str, rewarding: Rewarding) -> None:
    with rewarding(RuleJudge()) as reward:
        found = await score(reward, said, GROUND_TRUTH, EXTRA)

    assert found["score"] == pytest.approx(2 / 9)


async def test_many_are_asked_for_at_once(rewarding: Rewarding) -> None:
    said = [f"{AGE} {number}" for number in range(20)]
    with rewarding(RuleJudge()) as reward:
        found = await asyncio.gather(*(score(reward, one, GROUND_TRUTH, EXTRA) for one in said))

    assert [one["score"] for one in found] == [pytest.approx(4 / 9)] * 20


@pytest.mark.parametrize(
    ("ground_truth", "extra", "named"),
    [
        ("no JSON", EXTRA, "ground_truth: expected the rubric's rows"),
        ("[]", EXTRA, "rubric"),
        (GROUND_TRUTH, None, "question: expected a text"),
        (GROUND_TRUTH, {"question": TALK[:2]}, "question: expected a text"),
    ],
)
async def test_a_row_that_cannot_be_used_says_what_it_lacks(
    ground_truth: str, extra: dict[str, Any] | None, named: str, rewarding: Rewarding
) -> None:
    with rewarding(RuleJudge()) as reward, pytest.raises(BadInput, match=named):
        await score(reward, AGE, ground_truth, extra)


async def test_a_row_for_verl_brings_all_that_its_answer_is_judged_by(
    tasks: list[Task], rewarding: Rewarding
) -> None:
    row = json.loads(json.dumps(verl_row(tasks[0])))

    with rewarding(RuleJudge()) as reward:
        truth = row["reward_model"]["ground_truth"]
        found = await score(reward, AGE, truth, row["extra_info"])

    assert row["prompt"] == TALK
    assert found["score"] == pytest.approx(4 / 9)


@pytest.mark.parametrize(
    "terms",
    [Terms(group_length=0.1), Terms(unfinished=0.1), Terms(overlong=Overlong(free=1, most=2))],
)
def test_terms_that_no_such_trainer_can_serve_are_refused(
    terms: Terms, rewarding: Rewarding
) -> None:
    told = "`scale` and `least_coverage` alone"
    with pytest.raises(BadInput, match=told), rewarding(RuleJudge(), terms=terms):
        raise AssertionError("it opened")


def test_what_is_kept_open_is_opened_once_and_closed_when_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
    library: Library,
    reader: ScenarioReader,
    embedder: MemoEmbedder,
    cached: VectorCache,
) -> None:
    at_the_end: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", at_the_end.append)
    store = InMemoryPrincipleStore(library, embedder, cached)
    reward = kept_open(lambda: connected(server_of(store, reader, RuleJudge())))
    assert not at_the_end

    found = reward().now(adapters.sample_of(ASKED, ROWS, AGE))

    assert found.reward == pytest.approx(4 / 9)
    assert reward() is reward()
    (close,) = at_the_end
    close()
    with pytest.raises(RuntimeError, match="not running"):
        reward().now(adapters.sample_of(ASKED, ROWS, AGE))


async def test_the_function_that_verl_names_wants_a_judge_that_is_no_builtin_one() -> None:
    with pytest.raises(BadInput, match="CLINALIGN_JUDGE_BASE_URL: expected a judge model"):
        await verl_score.compute_score("clinalign", AGE, GROUND_TRUTH, EXTRA)


async def test_the_function_that_verl_names_asks_the_judge_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    met = {"explanation": "it asks", "quote": AGE, "verdict": "MET"}
    with serving(judging(met), models=["judge"]) as fake:
        monkeypatch.setenv("CLINALIGN_JUDGE_BASE_URL", fake.base_url)
        monkeypatch.setenv("CLINALIGN_JUDGE_MODEL", "judge")
        monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
        with opened(verl_score.tools_of_environment) as reward:
            monkeypatch.setattr(verl_score, "_reward", lambda: reward)
            asked = {"data_source": "clinalign", "solution_str": AGE, "extra_info": EXTRA}
            only = json.dumps([{"criterion": "Asks for the age.", "points": 4}])
            found = await verl_score.compute_score(**asked, ground_truth=only, unknown=1)  # type: ignore[arg-type]

    assert found == {"score": 1.0, "coverage": 1.0}


async def test_an_episode_is_a_question_and_what_its_answer_earned(
    tasks: list[Task], rewarding: Rewarding
) -> None:
    with rewarding(RuleJudge()) as reward:
        environment = RubricEnvironment(reward, tasks)
        asked = environment.reset(prompt_id="talk", episode_id="e1")
        ended = await environment.step_async(Answer(answer=AGE))

    assert [one.model_dump() for one in asked.messages] == TALK
    assert (asked.done, asked.reward) == (False, None)
    assert ended.done
    assert ended.reward == pytest.approx(4 / 9)
    assert environment.state.model_dump() == {"episode_id": "e1", "step_count": 1}


def test_an_episode_whose_answer_could_not_be_judged_ends_without_a_reward(
    tasks: list[Task], rewarding: Rewarding
) -> None:
    with rewarding(RuleJudge(fails=lambda _: True)) as reward:
        environment = RubricEnvironment(reward, tasks)
        environment.reset(seed=1)
        ended = environment.step(Answer(answer=AGE))

    assert (ended.done, ended.reward) == (True, None)
    assert "none of 5 criteria was judged" in ended.why


def test_a_seed_asks_the_same_question_again(tasks: list[Task], rewarding: Rewarding) -> None:
    with rewarding(RuleJudge()) as reward:
        environment = RubricEnvironment(reward, tasks)
        asked = [environment.reset(seed=seed) for seed in [*range(9), *range(9)]]

    assert asked[:9] == asked[9:]
    assert {one.prompt_id for one in asked} == {"talk", "one"}


def test_an_answer_without_a_question_is_refused(tasks: list[Task], rewarding: Rewarding) -> None:
    with rewarding(RuleJudge()) as reward:
        environment = RubricEnvironment(reward, tasks)
        with pytest.raises(NotAsked, match="call `reset` first"):
            environment.step(Answer(answer=AGE))
        with pytest.raises(BadInput, match="one of the rows"):
            environment.reset(prompt_id="another")


@pytest.mark.parametrize(
    ("module", "way", "opens"),
    [
        ("verifiers.v1", 'pip install "verifiers>=0.4,<0.5"', lambda: rubric_taskset(_never)),
        (
            "openenv.core.env_server",
            'pip install "openenv-core>=0.3,<0.4"',
            lambda: served(None, []),  # type: ignore[arg-type]
        ),
    ],
)
def test_a_trainer_that_is_not_installed_is_named(
    module: str, way: str, opens: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(Lacking) as raised:
        opens()

    assert way in str(raised.value)


def _never() -> SingleReward:
    raise AssertionError("nothing was scored")


@beside_us
async def test_verl_itself_loads_the_function_and_lets_no_reward_through(
    rewarding: Rewarding, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("verl", reason="verl is not installed")
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import get_custom_reward_fn

    named = {"path": "pkg://clinalign.verl_score", "name": "compute_score", "reward_kwargs": {}}
    function = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": named}}))

    with rewarding(RuleJudge(fails=lambda call: call > 1)) as reward:
        monkeypatch.setattr(verl_score, "_reward", lambda: reward)
        found = await _by_naive_manager(function, verl_row(tasks[1]), f"{CALL} {AGE}")
        with pytest.raises(NoReward):
            await _by_naive_manager(function, verl_row(tasks[1]), REST)

    assert found["reward_score"] == pytest.approx((2 + 4) / 9)
    assert found["reward_extra_info"] == {"score": found["reward_score"], "coverage": 1.0}


async def _by_naive_manager(function: Any, row: dict[str, Any], said: str) -> Any:
    """What verl's own reward manager makes of one answer."""
    import numpy
    import torch
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

    class Tokenizer:
        def decode(self, ids: Any, skip_special_tokens: bool) -> str:
            return bytes(ids.tolist()).decode()

    ids = torch.tensor([list(said.encode())])
    texts = {name: numpy.array([row[name]]) for name in ("data_source", "reward_model")}
    data = DataProto.from_dict(
        tensors={"responses": ids, "attention_mask": torch.ones_like(ids)},
        non_tensors={**texts, "extra_info": numpy.array([row["extra_info"]])},
    )
    return await NaiveRewardManager(None, Tokenizer(), function).run_single(data)


@beside_us
async def test_verifiers_itself_rolls_out_and_calls_what_was_not_judged_an_error(
    rewarding: Rewarding, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("verifiers", reason="verifiers is not installed")
    with rewarding(RuleJudge(fails=lambda call: call > 1), tries=1) as reward, serving(AGE) as fake:
        _plug(monkeypatch, "rubric_questions", rubric_taskset(lambda: reward))
        _plug(monkeypatch, "one_turn", _one_turn())
        loaded, (graded, lost) = await _rolled_out(str(rows), fake.base_url)

    assert [(one.id, one.prompt if one.id == "one" else "") for one in loaded] == [
        ("talk", ""),
        ("one", ASKED),
    ]
    assert [one.content for one in loaded[0].prompt] == [one["content"] for one in TALK]
    assert (graded.ok, graded.reward) == (True, pytest.approx(4 / 9))
    assert (lost.ok, lost.rewards, lost.last_error.type) == (False, {"rubric": None}, "TaskError")
    assert "NoReward: this answer has no reward" in lost.last_error.message


def _plug(monkeypatch: pytest.MonkeyPatch, name: str, plugin: type) -> None:
    """As if it was installed under this name."""
    module = ModuleType(name)
    module.__dict__.update({"__all__": [plugin.__name__], plugin.__name__: plugin})
    monkeypatch.setitem(sys.modules, name, module)


def _one_turn() -> type:
    """A harness that asks the model once, in this process; those of verifiers download theirs."""
    import httpx2
    import verifiers.v1 as vf
    from verifiers.v1.runtimes import ProgramResult

    class OneTurn(vf.Harness[vf.HarnessConfig]):  # type: ignore[misc]
        EXECUTES_CODE = NEEDS_CONTAINER = False

        async def launch(
            self, ctx: Any, trace: Any, runtime: Any, endpoint: str, *rest: Any
        ) -> Any:
            secret, _, data = rest
            turns = data.model_dump(mode="json")["prompt"]
            if isinstance(turns, str):
                turns = [{"role": "user", "content": turns}]
            async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}) as client:
                asked = {"model": ctx.model, "messages": turns}
                (await client.post(f"{endpoint}/chat/completions", json=asked)).raise_for_status()
            return ProgramResult(0, "", "")

    return OneTurn


async def _rolled_out(rows: str, base_url: str) -> tuple[list[Any], list[Any]]:
    from verifiers.v1.clients import ModelContext
    from verifiers.v1.configs.client import EvalClientConfig
    from verifiers.v1.utils.loaders import load_environment, resolve_env_config

    wanted = {
        "taskset": {"id": "rubric_questions", "rows": rows},
        "agent": {"harness": {"id": "one_turn"}, "runtime": {"type": "subprocess"}},
    }
    environment = load_environment(resolve_env_config(wanted))
    client = EvalClientConfig(base_url=base_url, api_key_var="NO_KEY")
    tasks = list(environment.taskset)
    async with environment.serving():
        ends = [await environment.run_episode(one, ModelContext("fake", client)) for one in tasks]
    return [one.data for one in tasks], [one.traces[0] for one in ends]


@beside_us
def test_openenv_itself_serves_an_episode(rewarding: Rewarding, tasks: list[Task]) -> None:
    pytest.importorskip("openenv", reason="openenv-core is not installed")
    from starlette.testclient import TestClient

    with rewarding(RuleJudge(fails=lambda call: call > 1), tries=1) as reward:
        client = TestClient(served(reward, tasks))
        with client.websocket_connect("/ws") as session:
            ends = [_episode(session, said) for said in (AGE, CALL)]

    assert [one["done"] for one in ends] == [True, True]
    assert [one["reward"] for one in ends] == [pytest.approx(4 / 9), None]
    assert "none of 5 criteria was judged" in ends[1]["observation"]["why"]


def _episode(session: Any, said: str) -> Any:
    session.send_json({"type": "reset", "data": {"prompt_id": "one"}})
    asked = session.receive_json()["data"]
    assert asked["observation"]["messages"] == [{"role": "user", "content": ASKED}]
    session.send_json({"type": "step", "data": {"answer": said}})
    return session.receive_json()["data"]
