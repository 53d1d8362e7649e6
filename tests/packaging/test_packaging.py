"""What is shipped beside the wheel: the bundle for desktop clients and the registry's listing."""

import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clinalign.settings import Settings
from tests.conftest import GOLDEN, ROOT
from tools import build_bundle

SCHEMAS = Path(__file__).parent / "schemas"
URL = "https://github.com/someone/somewhere/releases/download/v1/clinalign.mcpb"
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "stranger", "version": "1"},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle.write_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def unpacked(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def manifest(unpacked: Path) -> dict[str, Any]:
    return read(unpacked / "manifest.json")


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def check(document: Mapping[str, Any], schema_name: str) -> None:
    schema = read(SCHEMAS / schema_name)
    jsonschema.Draft7Validator(
        schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    ).validate(document)


def first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].removesuffix(".") + "."


def as_a_host_fills_in(manifest: dict[str, Any], chosen: dict[str, str]) -> dict[str, str]:
    """The server's environment; like a host, it leaves an option without a value as it is written.

    Source: `replaceVariables` and `getMcpConfigForManifest` of `@anthropic-ai/mcpb` 2.1.2.
    """
    options = manifest["user_config"]
    values = {name: option["default"] for name, option in options.items() if "default" in option}
    environment = dict(manifest["server"]["mcp_config"]["env"])
    for name, value in (values | chosen).items():
        for variable, text in environment.items():
            environment[variable] = text.replace(f"${{user_config.{name}}}", value)
    return environment


def test_the_manifest_is_valid_by_its_published_schema(manifest: dict[str, Any]) -> None:
    check(manifest, "mcpb-manifest-v0.4.schema.json")

    assert manifest["manifest_version"] == "0.4"
    assert manifest["server"]["type"] == "uv"


def test_the_root_s_server_json_is_valid_and_names_no_address_that_is_not_there() -> None:
    listing = read(ROOT / "server.json")

    check(listing, "server-2025-12-11.schema.json")
    assert listing["name"].startswith("invalid.")  # nobody can own it: RFC 2606
    assert "packages" not in listing
    assert "repository" not in listing


def test_a_released_bundle_s_server_json_is_valid_and_has_its_address_and_hash(
    bundle: Path,
) -> None:
    listing = build_bundle.server_json(bundle, URL)

    check(listing, "server-2025-12-11.schema.json")
    (package,) = listing["packages"]
    assert listing["name"] == "io.github.someone/clinalign"
    assert listing["repository"]["url"] == "https://github.com/someone/somewhere"
    assert package["identifier"] == URL
    assert package["fileSha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    secret = [one["name"] for one in package["environmentVariables"] if one["isSecret"]]
    assert secret == ["CLINALIGN_API_KEY"]
    assert all(one["description"] for one in package["environmentVariables"])


def test_an_address_that_does_not_say_whose_it_is_needs_a_name(bundle: Path) -> None:
    elsewhere = "https://gitlab.com/someone/somewhere/-/releases/v1/downloads/clinalign.mcpb"

    with pytest.raises(SystemExit, match="--name"):
        build_bundle.server_json(bundle, elsewhere)

    named = build_bundle.server_json(bundle, elsewhere, "com.example/clinalign")
    check(named, "server-2025-12-11.schema.json")
    assert named["name"] == "com.example/clinalign"


def test_every_version_is_the_project_s(bundle: Path, manifest: dict[str, Any]) -> None:
    version = build_bundle.project()["project"]["version"]

    assert manifest["version"] == version
    assert read(ROOT / "server.json")["version"] == version
    assert bundle.name == f"clinalign-{version}.mcpb"


def test_the_manifest_names_the_tools_by_their_own_first_sentences(
    manifest: dict[str, Any],
) -> None:
    tools = json.loads((GOLDEN / "tools.json").read_text(encoding="utf-8"))
    served = {tool["name"]: first_sentence(tool["description"]) for tool in tools}

    assert {tool["name"]: tool["description"] for tool in manifest["tools"]} == served


def test_the_bundle_holds_the_packages_and_nothing_that_belongs_elsewhere(bundle: Path) -> None:
    packages = build_bundle.project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ours = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *packages]
    listed = subprocess.run(ours, cwd=ROOT, capture_output=True, text=True, check=True)
    top = {"LICENSE", "NOTICE", "README.md", "icon.png", "manifest.json", "pyproject.toml"}

    assert set(zipfile.ZipFile(bundle).namelist()) == {*listed.stdout.split(), *top, "start.py"}


def test_the_same_files_make_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    again = build_bundle.write_bundle(tmp_path)

    assert again.read_bytes() == bundle.read_bytes()
    assert {entry.date_time for entry in zipfile.ZipFile(bundle).infolist()} == {
        build_bundle.BEGINNING_OF_TIME
    }


def test_options_that_nobody_filled_in_configure_nothing(manifest: dict[str, Any]) -> None:
    environment = as_a_host_fills_in(manifest, {})

    assert set(environment.values()) == {""}
    assert Settings.from_environment(environment) == Settings.from_environment({})


def test_options_that_were_filled_in_arrive(manifest: dict[str, Any], tmp_path: Path) -> None:
    chosen = {
        "base_url": "http://127.0.0.1:8000/v1",
        "model": "some-model",
        "api_key": "some-key",
        "judge": "model",
        "data_dir": str(tmp_path),
    }

    settings = Settings.from_environment(as_a_host_fills_in(manifest, chosen))

    assert settings.judge is not None
    assert settings.judge.base_url == chosen["base_url"]
    assert settings.judge.model == chosen["model"]
    assert settings.judge.api_key == chosen["api_key"]
    assert settings.judge_choice == "model"
    assert settings.data_dir == tmp_path
    assert manifest["user_config"]["api_key"]["sensitive"] is True


def test_the_bundle_s_icon_is_a_png_of_512_by_512(unpacked: Path, manifest: dict[str, Any]) -> None:
    icon = (unpacked / manifest["icon"]).read_bytes()

    assert icon.startswith(b"\x89PNG\r\n\x1a\n")
    assert [int.from_bytes(icon[at : at + 4]) for at in (16, 20)] == [512, 512]


class Stranger:
    """Speaks JSON-RPC by hand to a started bundle; gives up after a minute."""

    def __init__(self, folder: Path, manifest: dict[str, Any], home: Path) -> None:
        config = manifest["server"]["mcp_config"]
        assert config["command"] == "uv"
        run, directory, where, *script = config["args"]
        assert (run, directory, where) == ("run", "--directory", "${__dirname}")
        self.process = subprocess.Popen(
            [sys.executable, *script],  # in place of uv, which would install everything anew
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), **as_a_host_fills_in(manifest, {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._patience = threading.Timer(60, self.process.kill)
        self._patience.start()

    def tell(self, method: str, params: dict[str, Any], **also: int) -> None:
        assert self.process.stdin is not None
        frame = {"jsonrpc": "2.0", "method": method, "params": params, **also}
        self.process.stdin.write(json.dumps(frame) + "\n")
        self.process.stdin.flush()

    def ask(self, method: str, params: dict[str, Any], id: int) -> Any:
        assert self.process.stdout is not None
        self.tell(method, params, id=id)
        return json.loads(self.process.stdout.readline())["result"]

    def close(self) -> None:
        self._patience.cancel()
        self.process.kill()
        self.process.communicate()


def test_the_unpacked_bundle_serves_what_its_manifest_says_with_this_interpreter_for_uv_s(
    unpacked: Path, manifest: dict[str, Any], tmp_path: Path
) -> None:
    stranger = Stranger(unpacked, manifest, tmp_path)
    try:
        welcome = stranger.ask("initialize", HELLO, 1)
        stranger.tell("notifications/initialized", {})
        tools = stranger.ask("tools/list", {}, 2)["tools"]
        prompts = stranger.ask("prompts/list", {}, 3)["prompts"]
        filled = {
            prompt["name"]: {name: f"${{arguments.{name}}}" for name in prompt["arguments"]}
            for prompt in manifest["prompts"]
        }
        texts = {
            name: stranger.ask("prompts/get", {"name": name, "arguments": arguments}, 4)
            for name, arguments in filled.items()
        }
    finally:
        stranger.close()

    assert welcome["serverInfo"]["name"] == manifest["name"]
    assert [tool["name"] for tool in tools] == [tool["name"] for tool in manifest["tools"]]
    assert [one["name"] for one in prompts] == [one["name"] for one in manifest["prompts"]]
    for served, written in zip(prompts, manifest["prompts"], strict=True):
        assert [one["name"] for one in served["arguments"]] == written["arguments"]
        assert served["description"] == written["description"]
        (message,) = texts[written["name"]]["messages"]
        assert message["content"]["text"] == written["text"]
    # It ran the unpacked files and not the ones beside this test.
    assert list((unpacked / "mcp_server" / "__pycache__").glob("server.*.pyc"))
