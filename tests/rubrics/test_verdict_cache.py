import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from inference.errors import ModelUnreachable, StorageError
from inference.messages import Conversation
from inference.scripted import ScriptedChat
from rubrics.asking import key_of
from rubrics.model_judge import Manner, ModelJudge
from rubrics.types import Rubric, Verdict
from rubrics.verdict_cache import RememberingJudge, VerdictCache
from tests.builders import rubric
from tests.rubrics.test_model_judge import ANSWER, ASKED, Said, says

TWO = rubric(calls=5, waits=-3)


def remembering(folder: Path, *replies: Said, manner: Manner = Manner()) -> RememberingJudge:
    judge = ModelJudge(ScriptedChat(replies), manner)
    return RememberingJudge(judge, VerdictCache(folder / "verdicts"))


async def test_what_was_judged_is_not_asked_again(tmp_path: Path) -> None:
    reply = says(TWO, ("MET", "Call 112 now"), ("UNMET", ""))
    first = await remembering(tmp_path, reply).verdicts(ASKED, ANSWER, TWO)

    again = remembering(tmp_path)

    assert await again.verdicts(ASKED, ANSWER, TWO) == first
    assert again.found == 2


async def test_only_what_is_new_is_asked(tmp_path: Path) -> None:
    one, other = (Rubric(criteria=(one,)) for one in TWO.criteria)
    await remembering(tmp_path, says(one, ("UNMET", ""))).verdicts(ASKED, ANSWER, one)

    verdicts = await remembering(tmp_path, says(other, ("UNMET", ""))).verdicts(ASKED, ANSWER, TWO)

    assert [one.criterion_id for one in verdicts] == ["calls", "waits"]


@pytest.mark.parametrize(
    "change",
    [
        {"asked": Conversation.of("My foot hurts.")},
        {"answer": ANSWER + " "},
        {"manner": Manner(mode="single")},
        {"criteria": rubric(calls=5, waits=3)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_a_verdict_depends_on_makes_it_another(
    change: dict[str, object], tmp_path: Path
) -> None:
    reply = says(TWO, ("UNMET", ""), ("UNMET", ""))
    await remembering(tmp_path, reply).verdicts(ASKED, ANSWER, TWO)
    given = {"asked": ASKED, "answer": ANSWER, "manner": Manner(), "criteria": TWO} | change
    changed = remembering(tmp_path, *["unreadable"] * 9, manner=given["manner"])  # type: ignore[arg-type]

    verdicts = await changed.verdicts(given["asked"], given["answer"], given["criteria"])  # type: ignore[arg-type]

    assert verdicts[1].verdict == "ERROR"


async def test_a_failure_is_asked_again(tmp_path: Path) -> None:
    gone = remembering(tmp_path, ModelUnreachable("gone"))
    assert {one.verdict for one in await gone.verdicts(ASKED, ANSWER, TWO)} == {"ERROR"}

    reply = says(TWO, ("UNMET", ""), ("UNMET", ""))
    verdicts = await remembering(tmp_path, reply).verdicts(ASKED, ANSWER, TWO)

    assert {one.verdict for one in verdicts} == {"UNMET"}


async def test_the_file_is_its_owner_s_alone_and_holds_no_question(tmp_path: Path) -> None:
    reply = says(TWO, ("UNMET", ""), ("UNMET", ""))
    await remembering(tmp_path, reply).verdicts(ASKED, ANSWER, TWO)

    mode, written = _seen(tmp_path)
    assert mode == 0o600
    assert b"My chest hurts" not in written
    assert b"Sit down" not in written
    assert key_of(TWO.criteria[0]).encode() not in written


def _seen(folder: Path) -> tuple[int, bytes]:
    """The store's mode, and all that stands in the folder."""
    (path,) = folder.glob("*.sqlite")
    written = b"".join(one.read_bytes() for one in folder.iterdir())
    return stat.S_IMODE(path.stat().st_mode), written


def _fill(path: Path, number: int) -> None:
    cache = VerdictCache(path)
    for place in range(200):
        key = f"{number}-{place}".encode()
        cache.put(key, Verdict(criterion_id=f"{number}-{place}", verdict="UNMET"))
        assert key in cache.get([key])
    cache.close()


def test_several_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "verdicts"
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as workers:
        list(workers.map(_fill, [path] * 4, range(4)))

    cache = VerdictCache(path)
    keys = [f"{one}-{place}".encode() for one in range(4) for place in range(200)]
    assert set(cache.get(keys)) == set(keys)


def test_a_file_that_is_no_cache_is_told(tmp_path: Path) -> None:
    (tmp_path / "verdicts.1.sqlite").write_text("something else, quite long enough to be read")

    with pytest.raises(StorageError, match=r"verdicts\.1\.sqlite cannot be used .* --no-cache"):
        VerdictCache(tmp_path / "verdicts")


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "verdicts")
    cache._store.close()

    with pytest.raises(StorageError, match="cannot be used"):
        cache.put(b"key", Verdict(criterion_id="c", verdict="MET"))
    assert sqlite3.connect(tmp_path / "verdicts.1.sqlite").execute("SELECT 1").fetchone() == (1,)
