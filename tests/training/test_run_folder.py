"""A run's folder takes one run, goes on with it, and loses nothing but what will come again."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.errors import BadInput, StorageError
from inference.words import read
from training.run_file import RunFile
from training.run_folder import DataFile, Record, RunFolder, hashed

TEXT = 'algorithm = "sft"\n'
RUN: dict[str, Any] = {
    "algorithm": "sft",
    "seed": 1,
    "model": {"path": "tiny"},
    "data": {"train": "BEST.jsonl"},
    "trainer": {"max_steps": 5, "learning_rate": 1e-5},
}


def record(library: str = "", train: str = "aa", commit: str = "c0", **parts: Any) -> Record:
    return Record(
        run=read(RunFile, {**RUN, **parts}, "run"),
        data={"train": DataFile(path="BEST.jsonl", sha256=train)},
        commit=commit,
        versions={"torch": "2"},
        library=library,
    )


def begun(path: Path) -> RunFolder:
    """One whose run has come to its first steps."""
    folder = RunFolder(path)
    assert folder.begin(record(), TEXT) == "new"
    folder.append("reached.jsonl", {"step": 0})
    return folder


def checkpoint(folder: RunFolder, step: int, state: str | None = "{}") -> Path:
    """One of TRL's; torn without its last file."""
    path = folder.checkpoints / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    if state is not None:
        (path / "trainer_state.json").write_text(state, encoding="utf-8")
    return path


@pytest.mark.parametrize("there", [False, True])
def test_a_new_folder_keeps_the_file_and_all_that_the_run_depends_on(
    there: bool, tmp_path: Path
) -> None:
    path = tmp_path / "runs" / "first"
    if there:
        path.mkdir(parents=True)

    assert RunFolder(path).begin(record(library="ff"), TEXT) == "new"

    assert (path / "run.toml").read_text(encoding="utf-8") == TEXT
    kept = json.loads((path / "record.json").read_text(encoding="utf-8"))
    assert read(Record, kept, "record") == record(library="ff")
    assert sorted(one.name for one in path.iterdir()) == ["record.json", "run.toml"]


def test_the_same_run_again_goes_on(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")

    assert folder.begin(record(), TEXT) == "resumed"
    assert folder.begin(record(commit="c1"), TEXT) == "resumed"


def test_a_run_with_a_result_is_finished(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    folder.write_json("result.json", {"why": "finished"})

    assert folder.begin(record(), TEXT) == "finished"


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (record(seed=2), "seed"),
        (record(trainer={"max_steps": 6, "learning_rate": 1e-5}), "trainer.max_steps"),
        (record(trainer={"max_steps": 5}), "trainer.learning_rate"),
        (record(model={"path": "large"}), "model.path"),
        (record(model={"path": "tiny", "lora": {"rank": 4}}), "model.lora"),
        (record(train="bb"), "data.train"),
        (record(library="ff"), "library"),
        (record(seed=2, train="bb", library="ff"), "seed, data.train, library"),
    ],
)
@pytest.mark.parametrize("ended", [False, True])
def test_another_run_is_refused_by_what_differs(
    other: Record, named: str, ended: bool, tmp_path: Path
) -> None:
    folder = begun(tmp_path / "run")
    if ended:
        folder.write_json("result.json", {"why": "finished"})
    before = {one.name: one.read_bytes() for one in folder.path.iterdir()}

    with pytest.raises(BadInput) as told:
        folder.begin(other, "another")

    assert f"which differs in {named}; or name another folder" in str(told.value)
    assert str(told.value).startswith("--out is ")
    assert {one.name: one.read_bytes() for one in folder.path.iterdir()} == before


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(BadInput, match="a new or empty folder, or one of a run"):
        RunFolder(tmp_path).begin(record(), TEXT)

    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_a_folder_that_cannot_be_written_is_named(inside: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    folder = RunFolder(tmp_path / "file" / inside)

    with pytest.raises(StorageError, match=r"/file/.+ cannot be written \(.+\)"):
        folder.begin(record(), TEXT)
    with pytest.raises(StorageError, match=r"log\.jsonl cannot be written \(Not a directory\)"):
        folder.append("log.jsonl", {"step": 1})


def test_the_newest_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    made = {step: checkpoint(folder, step) for step in (50, 9, 100)}

    assert folder.last_checkpoint() == made[100]
    assert all(path.is_dir() for path in made.values())


@pytest.mark.parametrize("state", [None, "", '{"global_step": 1'])
def test_torn_checkpoints_go_and_the_newest_whole_one_is_taken(
    state: str | None, tmp_path: Path
) -> None:
    folder = begun(tmp_path)
    older, whole = checkpoint(folder, 9), checkpoint(folder, 10)
    torn = [checkpoint(folder, 100, state), checkpoint(folder, 11, state)]
    old_torn = checkpoint(folder, 8, state)

    assert folder.last_checkpoint() == whole
    assert not any(one.exists() for one in torn)
    assert older.is_dir()
    assert old_torn.is_dir()  # never gone on from: nobody looks at it


def test_without_a_whole_checkpoint_a_run_begins_at_its_beginning(tmp_path: Path) -> None:
    folder = begun(tmp_path)

    assert folder.last_checkpoint() is None
    torn = checkpoint(folder, 5, state=None)
    assert folder.last_checkpoint() is None
    assert not torn.exists()


LOGS = ("log.jsonl", "criteria.jsonl", "drift.jsonl")


@pytest.mark.parametrize(("step", "kept"), [(-1, []), (2, [1, 2, 2]), (9, [1, 2, 2, 3, 4])])
def test_what_will_be_gone_through_again_is_forgotten(
    step: int, kept: list[int], tmp_path: Path
) -> None:
    folder = begun(tmp_path)
    for name in LOGS:
        for logged in (1, 2, 2, 3, 4):
            folder.append(name, {"step": logged})

    folder.forget_after(step)

    assert {name: [row["step"] for row in folder.rows(name)] for name in LOGS} == dict.fromkeys(
        LOGS, kept
    )


def test_forgetting_begins_no_log(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.append("log.jsonl", {"step": 1})

    folder.forget_after(0)

    assert [name for name in LOGS if (tmp_path / name).exists()] == ["log.jsonl"]
    assert folder.rows("drift.jsonl") == []


def test_a_line_that_a_crash_left_half_written_is_passed_over(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.append("log.jsonl", {"step": 1, "tag": "Zeilen\u2028umbruch"})
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"step": 2, "los')

    assert folder.rows("log.jsonl") == [{"step": 1, "tag": "Zeilen\u2028umbruch"}]
    folder.forget_after(5)
    folder.append("log.jsonl", {"step": 2})
    assert [row["step"] for row in folder.rows("log.jsonl")] == [1, 2]


def test_data_are_known_by_their_content(tmp_path: Path) -> None:
    first, same, other = (tmp_path / name for name in ("a", "b", "c"))
    first.write_bytes(b"rows")
    same.write_bytes(b"rows")
    other.write_bytes(b"more rows")

    found = [hashed(str(path), "data.train").sha256 for path in (first, same, other)]

    assert found[0] == found[1] != found[2]


def test_a_dataset_is_known_by_all_its_files(tmp_path: Path) -> None:
    dataset = tmp_path / "rows"
    (dataset / "deeper").mkdir(parents=True)
    (dataset / "deeper" / "part").write_bytes(b"one")
    before = hashed(str(dataset), "data.train")
    (dataset / "deeper" / "part").write_bytes(b"two")

    assert hashed(str(dataset), "data.train") != before


def test_data_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"data\.train .*absent: expected a file that can be read"):
        hashed(str(tmp_path / "absent"), "data.train")


def test_a_run_that_never_came_to_a_step_leaves_its_folder_free(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(record(), TEXT)

    assert folder.begin(record(seed=2), "another") == "new"
    assert (tmp_path / "run.toml").read_text(encoding="utf-8") == "another"


def test_a_folder_that_a_crash_left_with_a_record_alone_is_taken(tmp_path: Path) -> None:
    RunFolder(tmp_path).begin(record(), TEXT)
    (tmp_path / "run.toml").unlink()

    assert RunFolder(tmp_path).begin(record(), TEXT) == "new"


@pytest.mark.parametrize("content", ['{"mine": 1}', "[1]", "no JSON"])
def test_a_record_of_something_else_is_left_as_it_is(content: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(content, encoding="utf-8")

    with pytest.raises(BadInput, match="a new or empty folder, or one of a run"):
        RunFolder(tmp_path).begin(record(), TEXT)

    assert (tmp_path / "record.json").read_text(encoding="utf-8") == content


def test_a_line_cut_within_a_character_is_passed_over(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.append("log.jsonl", {"step": 1})
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write('{"step": 2, "tag": "é'.encode()[:-1])

    assert folder.rows("log.jsonl") == [{"step": 1}]
