"""`clinalign doctor`: what works is said to work, what does not comes with a way out."""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clinalign import doctor as doctors
from clinalign import probe
from clinalign.__main__ import app
from clinalign.checks import Check
from clinalign.client_configs import Machine
from clinalign.commands import doctor as command
from clinalign.doctor import Visit, examined
from clinalign.doctor_clients import client_checks
from clinalign.doctor_models import model_checks
from clinalign.passports import keep_passport
from clinalign.settings import Settings
from inference.embedding import BUNDLED, OnnxEmbedder
from rubrics.builtin_judge import shipped_passport
from rubrics.model_judge import Manner, fingerprint
from tests.fake_server import serving

SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        tools = [{"name": "a"}, {"name": "b"}]
        result = {"tools": tools} if asked["method"] == "tools/list" else {}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
"""Answers as a server does, in a moment."""

Configure = Callable[..., dict[str, Any]]


def named(checks: list[Check], name: str) -> Check:
    (found,) = [one for one in checks if one.name == name]
    return found


def machine(home: Path, **environment: str) -> Machine:
    return Machine("linux", home, {"PATH": os.environ["PATH"], **environment})


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Writes Cursor's file with a server that runs this Python code, or as given."""

    def configure(code: str = SERVER, name: str = "clinalign", **entry: Any) -> dict[str, Any]:
        script = tmp_path / "server.py"
        script.write_text(code, "utf-8")
        path = tmp_path / ".cursor" / "mcp.json"
        path.parent.mkdir(exist_ok=True)
        made = {"command": sys.executable, "args": [str(script)], **entry}
        path.write_text(json.dumps({"mcpServers": {name: made}}), "utf-8")
        return made

    return configure


@pytest.fixture
def quick_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "FAREWELL_SECONDS", 0.2)


def looked_at(home: Path, deadline_seconds: float = 30, **environment: str) -> list[Check]:
    return client_checks(machine(home, **environment), ["/gone/clinalign"], deadline_seconds)


def test_the_real_server_starts_as_install_wrote_it(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLINALIGN_DATA_DIR", str(data_dir))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    CliRunner().invoke(app, ["install", "claude-desktop"])

    done = CliRunner().invoke(app, ["doctor", "--json"])

    told = json.loads(done.stdout)
    assert done.exit_code == 0, told
    assert told["ok"] is True
    assert {tuple(check) for check in told["checks"]} == {("name", "status", "found", "fix")}
    found = {check["name"]: (check["status"], check["found"]) for check in told["checks"]}
    assert "failed" not in {status for status, _ in found.values()}
    assert "get_health_principles, score_against_rubric" in found["claude-desktop"][1]
    assert found["standard output"] == ("ok", "nothing but protocol")
    assert found["two at once"][0] == "ok"
    assert "principles" in found["library"][1]
    assert "mcp 2." in found["packages"][1]
    assert str(data_dir) in found["data folder"][1]


def test_where_no_client_is_configured_the_own_server_is_started(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER, "utf-8")

    checks = client_checks(machine(tmp_path), [sys.executable, str(script)], 30)

    assert [check.status for check in checks] == ["ok", "ok", "ok"]
    assert named(checks, "server of this environment").found.endswith("s): a, b")


@pytest.mark.parametrize(
    ("started", "args"), [("/gone/clinalign", ["serve"]), (sys.executable, ["\0"])]
)
def test_a_command_that_does_not_exist_fails_with_the_way_out(
    started: str, args: list[str], tmp_path: Path, configure: Configure
) -> None:
    configure(command=started, args=args)

    checks = looked_at(tmp_path)

    check = named(checks, "cursor")
    assert check.status == "failed"
    assert f"{started} is not there or cannot be run" in check.found
    assert "clinalign install cursor" in check.fix
    assert named(checks, "two at once").status == "warning"


def test_a_relative_command_is_not_found_from_where_we_happen_to_be(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "project" / ".venv" / "bin"
    elsewhere.mkdir(parents=True)
    (elsewhere / "clinalign").write_text("#!/bin/sh\n", "utf-8")
    (elsewhere / "clinalign").chmod(0o755)
    monkeypatch.chdir(tmp_path / "project")
    configure(command=".venv/bin/clinalign")

    assert "is not there" in named(looked_at(tmp_path), "cursor").found


def test_junk_on_standard_output_is_shown(tmp_path: Path, configure: Configure) -> None:
    configure("print('Loading the model ...')\n" + SERVER + "\nprint('bye')")

    checks = looked_at(tmp_path)

    assert named(checks, "cursor").status == "ok"
    check = named(checks, "standard output")
    assert check.status == "failed"
    assert "Loading the model ..." in check.found
    assert "standard error" in check.fix


def test_junk_after_the_last_answer_is_seen_too(tmp_path: Path, configure: Configure) -> None:
    configure(SERVER + "\nprint('bye')")

    assert "'bye'" in named(looked_at(tmp_path), "standard output").found


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has buried yet counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
@pytest.mark.usefixtures("quick_farewell")
def test_one_that_hangs_is_given_up_and_ended_with_its_children(
    tmp_path: Path, configure: Configure
) -> None:
    pids = tmp_path / "pids"
    code = "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\n"
    code += f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\ntime.sleep(600)"
    configure(code)

    checks = looked_at(tmp_path, deadline_seconds=1.5)

    assert "no answer to initialize within 1.5 seconds" in named(checks, "cursor").found
    deadline = time.monotonic() + 10
    waiting = [int(pid) for pid in pids.read_text("utf-8").split()]
    while not all(map(gone, waiting)) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert len(waiting) == 2
    assert all(map(gone, waiting))


@pytest.mark.usefixtures("quick_farewell")
def test_one_that_floods_its_output_is_given_up(tmp_path: Path, configure: Configure) -> None:
    configure("while True: print('y' * 1000)")

    checks = looked_at(tmp_path, deadline_seconds=1)

    assert "no answer to initialize within 1 seconds" in named(checks, "cursor").found
    assert named(checks, "standard output").status == "failed"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import sys; sys.exit('no such library')", "exit code 1; its last words: no such library"),
        (SERVER.replace('"result": result', '"error": {"code": 1}'), "initialize with an error"),
        (SERVER.replace('{"tools": tools}', "[]"), "another shape"),
        (SERVER.replace('{"tools": tools}', '{"tools": []}'), "it has no tools"),
    ],
)
def test_one_that_does_not_do_its_work_fails_with_the_reason(
    code: str, found: str, tmp_path: Path, configure: Configure
) -> None:
    configure(code)

    check = named(looked_at(tmp_path), "cursor")

    assert check.status == "failed"
    assert found in check.found


COUNTS = """
import os
n = 1
while True:
    try:
        os.close(os.open(f"FOLDER/{n}", os.O_CREAT | os.O_EXCL))
        break
    except FileExistsError:
        n += 1
"""
"""Tells a server the how manyth start it is, as `n`."""


def counting(folder: Path, then: str) -> str:
    return f"{COUNTS.replace('FOLDER', str(folder))}{then}\n{SERVER}"


def test_two_are_really_up_at_once(tmp_path: Path, configure: Configure) -> None:
    (tmp_path / "starts").mkdir()
    third = str(tmp_path / "starts" / "3")
    configure(counting(tmp_path / "starts", f"while n == 2 and not os.path.exists({third!r}): 0"))

    checks = looked_at(tmp_path, deadline_seconds=10)

    assert named(checks, "two at once").status == "ok"
    assert len(list((tmp_path / "starts").iterdir())) == 1 + 2


def test_one_that_fails_beside_another_is_found(tmp_path: Path, configure: Configure) -> None:
    (tmp_path / "starts").mkdir()
    configure(counting(tmp_path / "starts", "if n == 3: raise SystemExit('the folder is locked')"))

    checks = looked_at(tmp_path)

    assert named(checks, "cursor").status == "ok"
    assert named(checks, "two at once").status == "failed"
    assert "the folder is locked" in named(checks, "two at once").found


def test_a_command_that_two_clients_share_is_tried_once(
    tmp_path: Path, configure: Configure
) -> None:
    starts = tmp_path / "starts"
    entry = configure(f"open({str(starts)!r}, 'a').write('x')\n" + SERVER)
    windsurf = tmp_path / ".codeium" / "windsurf" / "mcp_config.json"
    windsurf.parent.mkdir(parents=True)
    windsurf.write_text(json.dumps({"mcpServers": {"clinalign": entry}}), "utf-8")

    checks = looked_at(tmp_path)

    assert {named(checks, name).status for name in ("cursor", "windsurf")} == {"ok"}
    assert starts.read_text("utf-8") == "x" + "xx"  # once for both, and two at once


def test_the_entrys_variables_reach_the_server(tmp_path: Path, configure: Configure) -> None:
    code = SERVER.replace('"a"', 'os.environ["MINE"] + os.environ["GIVEN"]')
    configure("import os\n" + code, env={"MINE": "1"})

    assert named(looked_at(tmp_path, GIVEN="2"), "cursor").found.endswith("): 12, b")


@pytest.mark.parametrize(
    ("name", "entry", "status"),
    [
        ("other", {"command": "touch"}, "warning"),
        ("clinalign", {"command": "touch", "env": {"A": "${workspaceFolder}"}}, "warning"),
        ("clinalign", {"command": None, "url": "http://127.0.0.1:8765/mcp"}, "warning"),
        ("clinalign", {"command": "touch", "args": "no list"}, "failed"),
    ],
)
def test_what_is_not_ours_or_cannot_be_started_as_written_is_left_alone(
    name: str, entry: dict[str, Any], status: str, tmp_path: Path, configure: Configure
) -> None:
    trace = tmp_path / "trace"
    configure(name=name, **{"args": [str(trace)], **entry})

    check = named(looked_at(tmp_path), "cursor")

    assert check.status == status
    assert check.fix
    assert not trace.exists()


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "/gone/bin/clinalign", "args": ["serve"]},
        {"command": "C:\\env\\Scripts\\clinalign.exe", "args": ["serve"]},
        {"command": "/gone/python", "args": ["-m", "mcp_server"]},
    ],
)
def test_ours_is_known_under_another_name(
    entry: dict[str, Any], tmp_path: Path, configure: Configure
) -> None:
    configure(name="health", **entry)

    assert "--name health" in named(looked_at(tmp_path), "cursor: health").fix


def test_a_broken_file_of_a_client_is_named_with_its_place(
    tmp_path: Path, configure: Configure
) -> None:
    configure()
    (tmp_path / ".cursor" / "mcp.json").write_text('{\n  "mcpServers" {}', "utf-8")

    check = named(looked_at(tmp_path), "cursor")

    assert check.status == "failed"
    assert "line 2, column 16" in check.found


def test_a_client_without_our_server_is_no_failure(tmp_path: Path, configure: Configure) -> None:
    configure(name="other", command="true")

    check = named(looked_at(tmp_path), "cursor")

    assert check.status == "warning"
    assert "clinalign install cursor" in check.fix


def models(
    tmp_path: Path, ports: dict[str, int] | None = None, **environment: str
) -> dict[str, Check]:
    said = {"CLINALIGN_DATA_DIR": str(tmp_path), **environment}
    checks = model_checks(Settings.from_environment(said), ports or {})
    return {check.name: check for check in checks}


ALL = "model for policy, writer, judge, examiner, reader"


def test_a_server_on_a_usual_port_is_found_and_can_be_used(tmp_path: Path) -> None:
    with serving(models=("small", "large")) as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
        checks = models(tmp_path, {"vLLM": port})
        unsought = models(tmp_path, {"vLLM": port}, CLINALIGN_FIND_MODEL="0")

    assert "`ask` finds the one that runs here" in checks["model"].found
    assert "the library's own sentences" in unsought["model"].found
    found = f"{server.base_url} (the port of vLLM): small, large"
    assert checks["servers on this machine"].found == found
    assert checks["model"].status == "warning"
    fix = f"Set CLINALIGN_BASE_URL={server.base_url} and CLINALIGN_MODEL=small"
    assert fix in checks["model"].fix


def test_no_model_at_all_is_no_failure(tmp_path: Path) -> None:
    with serving() as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
    checks = models(tmp_path, {"vLLM": port})  # it is closed now

    assert checks["servers on this machine"].found == f"none on the usual ports {port}"
    assert checks["model"].status == "warning"


def test_a_configured_model_that_is_there_is_well(tmp_path: Path) -> None:
    with serving(models=("small",)) as server:
        named_so = models(tmp_path, CLINALIGN_BASE_URL=server.base_url, CLINALIGN_MODEL="small")
        only_one = models(tmp_path, CLINALIGN_BASE_URL=server.base_url)

    assert named_so[ALL] == only_one[ALL]
    assert named_so[ALL].status == "ok"
    assert named_so[ALL].found == f"small at {server.base_url}"


@pytest.mark.parametrize(("there", "model"), [(("a", "b"), "c"), (("a", "b"), ""), ((), "c")])
def test_a_configured_model_that_is_not_there_fails(
    there: tuple[str, ...], model: str, tmp_path: Path
) -> None:
    with serving(models=there) as server:
        checks = models(tmp_path, CLINALIGN_BASE_URL=server.base_url, CLINALIGN_MODEL=model)

    assert checks[ALL].status == "failed"
    assert checks[ALL].fix == (
        "Name a model that is there: a, b." if there else "Load a model there."
    )


def test_a_configured_server_that_does_not_answer_fails(tmp_path: Path) -> None:
    with serving() as server:
        pass
    checks = models(tmp_path, CLINALIGN_JUDGE_BASE_URL=server.base_url)

    assert checks["model for judge"].status == "failed"
    assert "does not answer" in checks["model for judge"].found


def test_a_server_elsewhere_is_not_asked_and_its_password_not_shown(tmp_path: Path) -> None:
    address = "https://me:secret@models.example.org/v1"  # the closed network would tell
    checks = models(tmp_path, CLINALIGN_BASE_URL=address, CLINALIGN_MODEL="m")

    assert checks[ALL].status == "ok"
    assert "m at https://models.example.org/v1; not on this machine" in checks[ALL].found
    assert "secret" not in " ".join(check.found + check.fix for check in checks.values())


@contextmanager
def answering(status: int, body: str = "", **headers: str) -> Iterator[str]:
    """A server that is no model server; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(404, "", "status 404"), (200, "<html>", "not as a model"), (200, '{"data": 3}', "not as a")],
)
def test_what_is_no_model_server_is_not_taken_for_one(
    status: int, body: str, said: str, tmp_path: Path
) -> None:
    with answering(status, body) as address:
        checks = models(tmp_path, CLINALIGN_BASE_URL=address, CLINALIGN_MODEL="m")

    assert said in checks[ALL].found


def test_neither_a_redirect_nor_a_proxy_leads_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving() as server, answering(302, Location=f"{server.base_url}/models") as address:
        redirected = models(tmp_path, CLINALIGN_BASE_URL=address, CLINALIGN_MODEL="fake")
        straight = models(tmp_path, CLINALIGN_BASE_URL=server.base_url, CLINALIGN_MODEL="fake")

    assert "status 302" in redirected[ALL].found
    assert straight[ALL].status == "ok"


def test_the_judge_of_serve_is_named_with_its_passport(tmp_path: Path) -> None:
    elsewhere: dict[str, Any] = {
        "CLINALIGN_BASE_URL": "https://models.example.org/v1",
        "CLINALIGN_MODEL": "m",
    }
    before = models(tmp_path, **elsewhere)["judge"]
    measured = {"judge": "m", "fingerprint": fingerprint("m", Manner())}
    keep_passport(tmp_path, shipped_passport().model_copy(update=measured))

    after = models(tmp_path, **elsewhere)["judge"]

    assert (before.status, before.found.split(":")[0]) == ("warning", "m; uncalibrated")
    assert "clinalign judge calibrate" in before.fix
    assert (after.status, after.found) == ("ok", f"m; {shipped_passport()}")


@pytest.mark.parametrize(
    ("judge", "status", "found"),
    [
        ("", "ok", "the client's own model"),
        ("auto", "ok", "the client's own model"),
        ("client", "ok", "the client's own model"),
        ("builtin", "ok", f"screening judge; {shipped_passport()}"),
        ("model", "failed", "CLINALIGN_JUDGE is 'model'; expected a judge model"),
        ("distilled", "failed", "CLINALIGN_JUDGE is 'distilled'; expected a verifier"),
    ],
)
def test_the_setting_decides_who_judges(
    judge: str, status: str, found: str, tmp_path: Path
) -> None:
    check = models(tmp_path, CLINALIGN_JUDGE=judge)["judge"]

    assert check.status == status
    assert found in check.found


def test_a_passport_that_cannot_be_read_fails(tmp_path: Path) -> None:
    measured = {"judge": "m", "fingerprint": fingerprint("m", Manner())}
    kept = keep_passport(tmp_path, shipped_passport().model_copy(update=measured))
    kept.write_text("{", "utf-8")

    check = models(tmp_path, CLINALIGN_BASE_URL="https://a.example/v1", CLINALIGN_MODEL="m")[
        "judge"
    ]

    assert check.status == "failed"
    assert str(kept) in check.found


@pytest.fixture
def visit(tmp_path: Path) -> Callable[..., Visit]:
    """A visit that is over in a moment: a small server, no ports."""
    script = tmp_path / "server.py"
    script.write_text(SERVER, "utf-8")

    def visit(**environment: str) -> Visit:
        here = machine(tmp_path, **{"CLINALIGN_DATA_DIR": str(tmp_path / "data"), **environment})
        return Visit(here, [sys.executable, str(script)], ports={})

    return visit


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("CLINALIGN_BASE_URL", "localhost:8000", "base URL is 'localhost:8000'"),
        ("CLINALIGN_JUDGE", "me", "CLINALIGN_JUDGE is 'me'"),
    ],
)
def test_a_setting_that_is_wrong_does_not_hide_the_rest(
    name: str, value: str, found: str, visit: Callable[..., Visit]
) -> None:
    checks = examined(visit(**{name: value}))

    assert named(checks, "settings").status == "failed"
    assert found in named(checks, "settings").found
    assert named(checks, "server of this environment").status == "ok"


def test_a_data_folder_that_cannot_be_written_fails(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    check = named(examined(visit(CLINALIGN_DATA_DIR=str(tmp_path / "server.py"))), "data folder")

    assert check.status == "failed"
    assert "CLINALIGN_DATA_DIR" in check.fix


def test_looking_leaves_nothing_in_the_data_folder(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    assert named(examined(visit()), "data folder").status == "ok"
    assert list((tmp_path / "data").iterdir()) == []


def test_an_overlay_that_cannot_be_used_fails(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    check = named(examined(visit(CLINALIGN_OVERLAY=str(tmp_path / "none"))), "library")

    assert check.status == "failed"
    assert "a folder of YAML files" in check.found


def test_an_embedder_that_is_another_than_the_librarys_fails(
    tmp_path: Path, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "embedder"
    folder.mkdir()
    monkeypatch.setattr(doctors, "OnnxEmbedder", lambda: OnnxEmbedder(folder))
    missing = named(examined(visit()), "embedder")
    shutil.copy(BUNDLED / "tokenizer.json", folder / "model.onnx")

    changed = named(examined(visit()), "embedder")

    assert (missing.status, changed.status) == ("failed", "failed")
    assert "is missing" in missing.found
    assert "but the library's vectors are of" in changed.found


def test_a_package_that_is_missing_fails(
    visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctors, "PACKAGES", ("pydantic", "clinalign-of-nobody"))

    check = named(examined(visit()), "packages")

    assert check.status == "failed"
    assert "clinalign-of-nobody missing" in check.found


def test_the_screen_shows_the_fix_and_the_exit_code_says_failed(
    tmp_path: Path,
    visit: Callable[..., Visit],
    configure: Configure,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    configure(command="/gone/clinalign")

    with pytest.raises(SystemExit) as ended:
        command.run(visit(), as_json=False)

    screen = capsys.readouterr().out
    assert ended.value.code == 1
    assert "~/.cursor/mcp.json: '/gone/clinalign" in screen
    assert "Run `clinalign install cursor`" in screen
    assert "1 failed" in screen


def test_the_screen_says_that_nothing_failed(
    visit: Callable[..., Visit], capsys: pytest.CaptureFixture[str]
) -> None:
    command.run(visit(), as_json=False)

    assert "Nothing failed, 1 to look at." in capsys.readouterr().out
