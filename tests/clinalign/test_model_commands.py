import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clinalign.commands.model import gpus_of, list_models
from clinalign.serve_plan import Host, Plan, Wishes, families, family_of, planned, weights_gib
from inference.errors import BadInput
from tests.fake_server import serving

GPU, NO_GPU = Host(gpus=(80.0,), memory=512), Host(memory=32)
SERVE_PYTHON = os.environ.get("CLINALIGN_TEST_SERVE_PYTHON", "")  # read before tests hide it
MAIN = (
    "from clinalign.model_commands import model; from clinalign.settings import quiet_libraries; "
)
MAIN += "quiet_libraries(); model()"


def plan(name: str, host: Host = GPU, is_local: bool = False, **wishes: Any) -> Plan:
    return planned(name, host, Wishes(**wishes), is_local)


def options(plan: Plan) -> dict[str, str]:
    """Option -> its value; the last word of the command stands for a missing one."""
    words = [*plan.command, ""]
    return {
        word: "" if words[place + 1].startswith("--") else words[place + 1]
        for place, word in enumerate(words)
        if word.startswith("--")
    }


def ran(*words: str, path: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which finds programs in that folder alone."""
    known = {"PATH": f"{path}" if path else "/nonexistent", "HOME": "/nonexistent", **env}
    command = [sys.executable, "-c", MAIN, *words]
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=60)


@pytest.fixture
def fake_vllm(tmp_path: Path) -> Path:
    """A folder with a `vllm` that writes down how it was called."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "print(json.dumps({'words': sys.argv[1:], 'env': dict(os.environ)}))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program.parent


def test_every_model_gets_what_the_agent_needs() -> None:
    said = options(plan("Qwen/Qwen3-4B", port=8123, max_len=16384, gpu_memory=0.8))

    assert said["--served-model-name"] == "Qwen/Qwen3-4B"
    assert (said["--host"], said["--port"]) == ("127.0.0.1", "8123")
    assert (said["--max-model-len"], said["--gpu-memory-utilization"]) == ("16384", "0.8")
    assert "--enable-prefix-caching" in said
    assert json.loads(said["--structured-outputs-config"]) == {
        "backend": "guidance",
        "disable_any_whitespace": True,
    }


def test_no_server_that_we_start_reports_on_its_use() -> None:
    assert plan("any/model").environment == {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


@pytest.mark.parametrize(
    ("name", "tools", "thoughts"),
    [
        ("Qwen/Qwen3-4B", "hermes", "qwen3"),
        ("Qwen/Qwen3-8B-AWQ", "hermes", "qwen3"),
        ("Qwen/Qwen3-4B-Instruct-2507", "hermes", None),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507", "hermes", "qwen3"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_xml", None),
        ("Qwen/Qwen3.5-27B", "qwen3_xml", "qwen3"),
        ("Qwen/Qwen2.5-7B-Instruct", "hermes", None),
        ("Qwen/QwQ-32B", "hermes", "deepseek_r1"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama3_json", None),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3_json", None),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama4_pythonic", None),
        ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", "mistral", None),
        ("mistralai/Magistral-Small-2509", "mistral", "mistral"),
        ("openai/gpt-oss-20b", "openai", "openai_gptoss"),
        ("google/gemma-3-4b-it", None, None),
        ("google/gemma-4-26B-A4B-it", "gemma4", "gemma4"),
        ("google/medgemma-27b-text-it", None, None),
        ("google/medgemma-4b-it", None, None),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", None, "deepseek_r1"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", None, "deepseek_r1"),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", None, "deepseek_r1"),
    ],
)
def test_a_family_is_known_by_its_name(name: str, tools: str | None, thoughts: str | None) -> None:
    said = options(plan(name))

    assert said.get("--tool-call-parser") == tools
    assert ("--enable-auto-tool-choice" in said) == (tools is not None)
    assert said.get("--reasoning-parser") == thoughts


def test_thinking_is_off_where_it_can_be_unless_it_is_wanted() -> None:
    off = options(plan("Qwen/Qwen3-4B"))
    on = options(plan("Qwen/Qwen3-4B", thinks=True))

    assert json.loads(off["--default-chat-template-kwargs"]) == {"enable_thinking": False}
    assert "--default-chat-template-kwargs" not in on


def test_a_model_that_always_thinks_is_said_to() -> None:
    thinking = plan("Qwen/Qwen3-4B-Thinking-2507")

    assert "--default-chat-template-kwargs" not in options(thinking)
    assert "always thinks first" in thinking.notes[0]


def test_an_unknown_model_gets_plain_flags_and_a_line_that_says_so() -> None:
    unknown = plan("someone/something-new")

    assert unknown.notes[0].startswith("someone/something-new is of no family")
    assert not {"--tool-call-parser", "--reasoning-parser"} & options(unknown).keys()


@pytest.mark.parametrize("sign", ["-AWQ", "-GPTQ-Int4", "-FP8"])
def test_a_quantised_model_is_left_to_vllm(sign: str) -> None:
    plain, quantised = options(plan("Qwen/Qwen3-4B")), options(plan(f"Qwen/Qwen3-4B{sign}"))

    assert plain.keys() == quantised.keys()


@pytest.mark.parametrize(
    ("name", "gpus", "parallel"),
    [
        ("Qwen/Qwen3-4B", (24, 24, 24, 24), None),  # 8 GB fit on one
        ("Qwen/Qwen3-32B", (24, 24, 24, 24), "4"),  # 64 GB
        ("Qwen/Qwen3-32B", (48, 48, 48), "2"),  # equal parts: never three
        ("Qwen/Qwen3-32B-AWQ", (48, 48), None),
        ("openai/gpt-oss-120b", (80, 80), None),
        ("a/model-of-unknown-size", (24, 24), "2"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", (80, 80, 80, 80), "4"),
    ],
)
def test_a_model_is_spread_over_as_many_gpus_as_its_weights_need(
    name: str, gpus: tuple[float, ...], parallel: str | None
) -> None:
    host = Host(gpus=tuple(map(float, gpus)), memory=512)

    assert options(plan(name, host)).get("--tensor-parallel-size") == parallel
    assert options(plan(name, host, gpus=2))["--tensor-parallel-size"] == "2"


def test_weights_that_do_not_fit_are_told_of() -> None:
    huge = plan("Qwen/Qwen3-235B-A22B-Instruct-2507")

    # 235 billion weights of two bytes are 438 GiB.
    assert "Its weights take about 438 GiB, and 80 GiB are there." in huge.notes


@pytest.mark.parametrize(
    ("name", "billions", "each"),
    [("Qwen3-0.6B", 0.6, 2), ("Mixtral-8x7B", 56, 2), ("Qwen3-30B-A3B-FP8", 30, 1)],
)
def test_the_size_is_read_from_the_name(name: str, billions: float, each: float) -> None:
    assert weights_gib(name) == pytest.approx(billions * 1e9 * each / 2**30)


def test_without_a_gpu_the_cpu_gets_what_it_needs() -> None:
    cpu = plan("Qwen/Qwen3-0.6B", NO_GPU)

    assert options(cpu)["--dtype"] == "bfloat16"
    assert cpu.environment["VLLM_CPU_KVCACHE_SPACE"] == "8"  # a quarter of 32, 8 at most
    assert any("No NVIDIA GPU" in note for note in cpu.notes)


def test_a_folder_is_served_under_its_name_and_without_the_network() -> None:
    local = plan("/models/Qwen3-4B-tuned/", is_local=True)

    assert options(local)["--served-model-name"] == "Qwen3-4B-tuned"
    assert options(local)["--reasoning-parser"] == "qwen3"
    assert local.environment["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize(
    "name", ["", "qwen3:4b", "--trust-remote-code", "a b", "x;rm -rf .", "../up", "a/b/c", "ä/ö"]
)
def test_what_is_no_name_of_a_model_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="or a folder"):
        plan(name)


@pytest.mark.parametrize("wish", [{"port": 0}, {"gpu_memory": 1.5}, {"max_len": 0}, {"gpus": -1}])
def test_a_wish_that_makes_no_sense_is_refused_by_name(wish: dict[str, Any]) -> None:
    (name, value), *_ = wish.items()
    done = ran("serve", "Qwen/Qwen3-4B", f"--{name.replace('_', '-')}", str(value))

    assert done.returncode == 2
    assert f"option.{name}" in done.stderr


@pytest.mark.parametrize(
    ("listed", "visible", "expected"),
    [
        ("81559\n81559\n", None, (81559 / 1024, 81559 / 1024)),
        ("81559\n81559\n", "1", (81559 / 1024,)),
        ("81559\n81559\n", "", ()),
        ("81559\n81559\n", "-1", ()),
        ("NVIDIA-SMI has failed because it couldn't communicate\n", None, ()),
        ("[N/A]\n", None, ()),
        ("", None, ()),
    ],
)
def test_gpus_are_counted_as_nvidia_smi_lists_them(
    listed: str, visible: str | None, expected: tuple[float, ...]
) -> None:
    assert gpus_of(listed, visible) == expected


def test_what_is_printed_is_what_a_shell_would_run(fake_vllm: Path) -> None:
    printed = ran("serve", "Qwen/Qwen3-4B", "--port", "8123")

    done = subprocess.run(
        ["/bin/bash", "-euc", printed.stdout],
        env={"PATH": str(fake_vllm)},
        capture_output=True,
        text=True,
    )

    called = json.loads(done.stdout)
    assert ["vllm", *called["words"]] == list(plan("Qwen/Qwen3-4B", NO_GPU, port=8123).command)
    assert called["env"]["DO_NOT_TRACK"] == "1"


def test_run_becomes_the_server(fake_vllm: Path) -> None:
    done = ran("serve", "Qwen/Qwen3-4B", "--run", path=fake_vllm)

    called = json.loads(done.stdout)
    assert called["words"][:2] == ["serve", "Qwen/Qwen3-4B"]
    assert called["env"]["VLLM_NO_USAGE_STATS"] == "1"
    assert "HF_HUB_OFFLINE" not in called["env"]  # it may have to be fetched
    assert "vllm serve Qwen/Qwen3-4B" in done.stderr


@pytest.mark.parametrize("how", ["folder", "--offline"])
def test_run_fetches_nothing_for_what_is_here(how: str, fake_vllm: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    words = [str(tmp_path / "tiny")] if how == "folder" else ["Qwen/Qwen3-4B", how]

    done = ran("serve", *words, "--run", path=fake_vllm)

    assert json.loads(done.stdout)["env"]["HF_HUB_OFFLINE"] == "1"


def test_run_without_vllm_says_how_to_get_it() -> None:
    for words in ([], ["--python", sys.executable], ["--python", "/nonexistent/python"]):
        done = ran("serve", "Qwen/Qwen3-4B", "--run", *words)

        assert done.returncode == 2
        assert "pip install vllm" in done.stderr
        assert "--python" in done.stderr


def test_list_shows_servers_and_what_each_role_would_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CLINALIGN_JUDGE_BASE_URL", "http://me:secret@judge.example/v1")
    monkeypatch.setenv("CLINALIGN_JUDGE_MODEL", "j")
    with serving(models=("bge-m3", "chats")) as server:
        port = int(server.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
        list_models(ports={"vLLM": port})

    shown = capsys.readouterr().out
    assert f"{server.base_url}  vLLM: bge-m3 (embeds or ranks), chats\n" in shown
    assert f"  policy      chats at {server.base_url} (found)\n" in shown
    assert "  judge       j at http://judge.example/v1 (configured)\n" in shown
    assert "  reader      the built-in reader\n" in shown
    assert "used as policy and writer" in shown
    assert "secret" not in shown


@pytest.mark.parametrize("how", ["option", "variable"])
def test_finding_can_be_switched_off(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CLINALIGN_FIND_MODEL", "0" if how == "variable" else "1")
    with serving(models=("chats",)) as server:
        port = int(server.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
        list_models(find=how == "variable", as_json=True, ports={"vLLM": port})

    data = json.loads(capsys.readouterr().out)
    assert data["roles"]["policy"]["from"] == "built in"
    assert [one["name"] for one in data["servers"][0]["models"]] == ["chats"]


def test_a_switch_that_says_neither_yes_nor_no_is_refused() -> None:
    done = ran("list", CLINALIGN_FIND_MODEL="perhaps")

    assert done.returncode == 2
    assert "CLINALIGN_FIND_MODEL is 'perhaps'; expected 1 or 0" in done.stderr


def test_no_pattern_hides_another() -> None:
    """Each family is reached by some name; the order of the file matters."""
    names = ["qwen3-thinking", "qwen3-coder", "qwen3-instruct", "qwen3.5", "deepseek-r1-distill"]
    names += ["qwen3", "qwq", "qwen2.5", "llama-4", "llama-3.1", "magistral", "mistral"]
    names += ["gpt-oss", "medgemma-4b", "gemma-4", "gemma-3"]

    assert [family_of(name) for name in names] == list(families())


CHECK = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())
for words in json.load(sys.stdin):
    said = parser.parse_args(words)
    validate_parsed_serve_args(said)
    assert said.model_tag == words[0]
    if said.tool_call_parser: ToolParserManager.get_tool_parser(said.tool_call_parser)
    if said.reasoning_parser: ReasoningParserManager.get_reasoning_parser(said.reasoning_parser)
print("all of them")
"""


@pytest.mark.server
def test_vllm_itself_takes_every_command() -> None:
    names = ["Qwen/Qwen3-4B-Thinking-2507", "Qwen/Qwen3-Coder-30B", "Qwen/Qwen3-4B-Instruct-2507"]
    names += ["Qwen/Qwen3.5-27B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "Qwen/Qwen3-4B"]
    names += ["Qwen/QwQ-32B", "Qwen/Qwen2.5-7B", "meta-llama/Llama-4-Scout", "a/Llama-3.1-8B"]
    names += ["mistralai/Magistral-Small", "mistralai/Mistral-Small", "openai/gpt-oss-20b"]
    names += ["google/gemma-4-31b-it", "google/medgemma-4b-it", "google/gemma-3-4b-it", "a/b"]
    hosts = (GPU, NO_GPU, Host(gpus=(24.0,) * 8, memory=64))
    asked = [plan(name, host, gpu_memory=0.5).command[2:] for name in names for host in hosts]

    done = subprocess.run(
        [SERVE_PYTHON, "-c", CHECK],
        input=json.dumps(asked),
        env={**os.environ, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.stdout.endswith("all of them\n"), done.stderr[-2000:]
    reached = [family_of(name) for name in names]
    assert all(family in reached for family in families())
