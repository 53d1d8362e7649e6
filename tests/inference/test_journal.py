import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference.errors import StorageError
from inference.journal import Journal


def rows_of(path: Path) -> list[dict[str, object]]:
    with Journal(path) as journal:
        return list(journal.rows())


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path) as journal:
        journal.append([{"a": 1}, {"b": "é\u2028 line"}])
        journal.append([{"c": None}])

    assert rows_of(path) == [{"a": 1}, {"b": "é\u2028 line"}, {"c": None}]


@pytest.mark.parametrize("length", range(1, 12))
def test_a_torn_end_of_any_length_is_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"a": 1}\n' + b'{"b": "two"}'[:length])

    assert rows_of(path) == [{"a": 1}]
    with Journal(path) as journal:
        journal.append([{"c": 3}])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"a": 1}, {"c": 3}]


def test_a_torn_end_longer_than_a_chunk_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": "' + b"x" * 200_000)

    with Journal(path) as journal:
        assert list(journal.rows()) == [{"a": 1}]
        journal.append([{"c": 3}])
    assert rows_of(path) == [{"a": 1}, {"c": 3}]


def test_a_last_row_without_its_line_feed_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": 2}')

    with Journal(path) as journal:
        assert list(journal.rows()) == [{"a": 1}, {"b": 2}]
        journal.append([{"c": 3}])
    assert rows_of(path) == [{"a": 1}, {"b": 2}, {"c": 3}]


@pytest.mark.parametrize("content", [b"my notes", b"a\nb", b'"text"', b"[1, 2]\n"])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)

    with pytest.raises(StorageError, match="is no row of ours"):
        rows_of(path)
    assert path.read_bytes() == content


def test_a_second_run_on_the_same_file_is_told_to_wait(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    other = "import sys; from pathlib import Path; from inference.journal import Journal\n"
    other += "Journal(Path(sys.argv[1])).__enter__()"
    with Journal(path):
        said = subprocess.run([sys.executable, "-c", other, path], capture_output=True, text=True)

    assert "another run is writing to" in said.stderr


def test_a_line_that_is_no_row_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"a": 1}\nnot json\n')

    with pytest.raises(StorageError, match=r"out\.jsonl line 2 is no row of ours"):
        rows_of(path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match="cannot be written"), Journal(tmp_path / "file" / "out"):
        pass


def test_rows_that_could_not_be_made_safe_are_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.jsonl"

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    with Journal(path) as journal:
        journal.append([{"a": 1}])
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fails)
            with pytest.raises(StorageError, match="Input/output error"):
                journal.append([{"b": 2}])
        journal.append([{"c": 3}])

    assert rows_of(path) == [{"a": 1}, {"c": 3}]
