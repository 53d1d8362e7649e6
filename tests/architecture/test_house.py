"""The house is as its papers say: the tree, the documents, the light core, the wheel."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = (
    "agent",
    "clinalign",
    "inference",
    "mcp_server",
    "principle_store",
    "rubrics",
    "training",
)


def tree() -> list[str]:
    """The paths of the README's tree, folders with a slash at the end."""
    block = README.split("## Where things are")[1].split("```")[1]
    paths, folder = [], ""
    for line in block.split("\n")[1:]:
        if not line.strip():
            continue
        name = line.split()[0]
        folder = folder if line.startswith("  ") else (name if name.endswith("/") else "")
        paths.append(folder + name if line.startswith("  ") else name)
    return paths


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def test_the_readme_names_only_what_exists() -> None:
    assert [path for path in tree() if not (ROOT / path).exists()] == []


def test_the_readme_has_a_line_for_every_file() -> None:
    """A folder without lines of its own stands for all it holds."""
    named = tree()
    whole = [
        path
        for path in named
        if path.endswith("/")
        and not any(other != path and other.startswith(path) for other in named)
    ]
    missing = [
        path
        for path in tracked()
        if "/" in path
        and not path.endswith("__init__.py")
        and path not in named
        and not path.startswith(tuple(whole))
    ]

    assert missing == []


def blocks() -> list[tuple[str, str]]:
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        found += [(path.name, code) for code in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)]
    return found


@pytest.mark.parametrize(("document", "code"), blocks())
def test_the_code_in_the_documents_runs(
    document: str, code: str, tmp_path: Path, data_dir: Path
) -> None:
    targets = re.findall(r"^make ([\w-]+)", code, re.MULTILINE)
    if targets:  # they would run these very tests
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(f"\n{target}:" in makefile for target in targets)
        return
    if not (ROOT / ".venv").exists():
        pytest.skip("the documents call .venv/bin/clinalign; `make test` makes it")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CLINALIGN_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, f"{document}: {done.stderr}"
    assert done.stdout


def test_answering_without_a_server_loads_no_torch_and_no_client_of_one() -> None:
    code = """
import json, sys
import clinalign.desk
from inference.embedding import OnnxEmbedder
from principle_store.chroma import ChromaPrincipleStore
from inference.vectors import VectorCache
from pathlib import Path
from principle_store.loading import LIBRARY_VECTORS, load_library, load_taxonomy
embedder = OnnxEmbedder()
texts = VectorCache(embedder, Path("/nonexistent"), LIBRARY_VECTORS)
ChromaPrincipleStore(load_library(load_taxonomy()), embedder, texts)
heavy = ["torch", "transformers", "vllm", "trl", "openai", "langchain_openai"]
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []


def test_help_loads_next_to_nothing() -> None:
    heavy = ("mcp", "chromadb", "langgraph", "numpy", "onnxruntime")
    code = f"import sys, clinalign.__main__; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_question_is_answered_where_there_is_no_network(data_dir: Path) -> None:
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"]).returncode:
        pytest.skip("network namespaces cannot be made here")

    done = subprocess.run(
        [
            "unshare",
            "-rn",
            sys.executable,
            "-m",
            "clinalign",
            "ask",
            "Is a cold dangerous?",
            "--json",
        ],
        env={"PATH": "/usr/bin:/bin", "CLINALIGN_DATA_DIR": str(data_dir)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answer"]


def test_the_wheel_holds_all_packages_and_their_data(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())

    wanted = {path for path in tracked() if path.startswith(tuple(f"{one}/" for one in PACKAGES))}
    assert wanted <= held
    assert not any(path.startswith(("tests/", "tools/", "benchmarks/")) for path in held)
