"""Pairs become tokens, folders become whole ones; the bundled tokenizer stands for any."""

from pathlib import Path

import pytest

from inference.cross_encoder import CrossEncoder, PairTokenizer
from inference.embedding import BUNDLED
from inference.errors import BadInput, StorageError
from inference.whole_folders import whole_folder

WRITTEN = (BUNDLED / "tokenizer.json").read_text(encoding="utf-8")
OURS = frozenset(("a.txt",))


def test_of_a_long_pair_the_end_of_the_second_text_goes() -> None:
    tokenizer = PairTokenizer(WRITTEN, most_tokens=16)

    (cut,) = tokenizer.encoded([("names the dose", "rest " * 50)])

    assert cut.tokens == ["[CLS]", "names", "the", "dose", "[SEP]", *["rest"] * 10, "[SEP]"]
    assert not tokenizer.fits(("names the dose", "rest " * 50))
    assert tokenizer.fits(("names the dose", "rest " * 10))


def test_a_first_text_gets_half_of_the_room_at_most() -> None:
    (cut,) = PairTokenizer(WRITTEN, most_tokens=16).encoded([("dose " * 50, "rest " * 50)])

    assert cut.tokens.count("dose") == 8
    assert cut.tokens.count("rest") == 16 - 8 - 3


def test_shorter_pairs_are_filled_up_and_masked() -> None:
    tokenizer = PairTokenizer(WRITTEN, most_tokens=16, pad_id=7)

    inputs = tokenizer.inputs(tokenizer.encoded([("dose", "rest"), ("dose", "rest and rest")]))

    assert inputs["input_ids"][0, -2:].tolist() == [7, 7]
    assert inputs["attention_mask"].tolist() == [[1] * 5 + [0] * 2, [1] * 7]
    assert inputs["token_type_ids"][1].tolist() == [0] * 3 + [1] * 4


def test_files_of_another_kind_are_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("none", encoding="utf-8")

    with pytest.raises(StorageError, match=r"tokenizer\.json is damaged"):
        PairTokenizer("{}", most_tokens=16)
    with pytest.raises(StorageError, match=r"model\.onnx is missing or no ONNX model"):
        CrossEncoder(tmp_path / "model.onnx", PairTokenizer(WRITTEN, 16))


def test_a_folder_is_written_whole_over_an_earlier_one_of_its_kind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("first", "second"):
        with whole_folder(out, OURS, "--out") as draft:
            (draft / "a.txt").write_text(text, encoding="utf-8")

    assert (out / "a.txt").read_text(encoding="utf-8") == "second"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_what_goes_wrong_on_the_way_leaves_the_earlier_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").write_text("first", encoding="utf-8")

    with pytest.raises(BadInput), whole_folder(out, OURS, "--out") as draft:
        _fail_half_way(draft)

    assert (out / "a.txt").read_text(encoding="utf-8") == "first"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("place", ["out", "out.part"])
def test_what_is_somebody_elses_is_not_written_over(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir()
    (tmp_path / place / "thesis.txt").write_text("mine", encoding="utf-8")

    refusal = pytest.raises(BadInput, match=rf"--out .*{place}: expected an empty folder")
    with refusal, whole_folder(tmp_path / "out", OURS, "--out"):
        pass

    assert (tmp_path / place / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_a_file_in_the_folders_place_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")

    with pytest.raises(BadInput), whole_folder(tmp_path / "out", OURS, "--out"):
        pass

    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def _fail_half_way(draft: Path) -> None:
    (draft / "a.txt").write_text("second", encoding="utf-8")
    raise BadInput("x", "y")
