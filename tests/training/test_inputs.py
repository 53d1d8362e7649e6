"""Rows of every form of file, one at a time."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from inference.errors import BadInput
from tests.conftest import ROOT
from training.inputs import count_of, rows_of

ROWS = [
    {"prompt_id": "a", "prompt": [{"role": "user", "content": 'Is "5 mg" much?\nFor a child.'}]},
    {"prompt_id": "b", "prompt": [{"role": "user", "content": "وجع في الصدر"}]},
]


def in_form(form: str, folder: Path) -> str:
    if form == "jsonl":
        file = folder / "rows.jsonl"
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
        file.write_text("".join(lines), encoding="utf-8")
    elif form == "csv":
        file = folder / "rows.csv"
        cells = (json.dumps(row["prompt"], ensure_ascii=False) for row in ROWS)
        quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
        text = f"prompt_id,prompt\na,{quoted[0]}\nb,{quoted[1]}\n"
        file.write_text("\ufeff" + text, encoding="utf-8")
    elif form == "parquet":
        file = folder / "rows.parquet"
        parquet.write_table(pa.Table.from_pylist(ROWS), file)
    else:
        import datasets

        file = folder / "rows"
        datasets.Dataset.from_list(ROWS).save_to_disk(str(file))
    return str(file)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "dataset"])
def test_the_same_rows_come_out_of_every_form(form: str, tmp_path: Path) -> None:
    path = in_form(form, tmp_path)

    assert [(number, json.loads(text)) for number, text in rows_of(path, "rows")] == [
        (1, ROWS[0]),
        (2, ROWS[1]),
    ]
    assert count_of(path, "rows") == 2


def test_a_plain_text_in_a_csv_file_stays_a_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('prompt,source\n"[sic] it hurts, here",\n', encoding="utf-8")

    ((_, text),) = rows_of(str(file), "rows")
    assert json.loads(text) == {"prompt": "[sic] it hurts, here"}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.jsonl", "folder"])
def test_what_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe\x00 nothing of the kind")

    with pytest.raises(BadInput, match=name):
        list(rows_of(str(path), "questions"))
    with pytest.raises(BadInput, match="missing"):
        list(rows_of(str(tmp_path / f"missing.{name}"), "questions"))


def test_splits_of_a_dataset_have_to_be_chosen(tmp_path: Path) -> None:
    import datasets

    split = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": split, "test": split}).save_to_disk(str(tmp_path / "both"))

    with pytest.raises(BadInput, match="both/train"):
        list(rows_of(str(tmp_path / "both"), "questions"))


def test_without_the_extra_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["pyarrow"] = None
from training.inputs import rows_of
list(rows_of(sys.argv[1], "questions"))
"""
    path = in_form("parquet", tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert 'pip install "clinalign[data]"' in ran.stderr.splitlines()[-1]
