"""`clinalign pairs`: preferences and best answers out of answers that were judged."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import IO

from inference.errors import BadInput, StorageError
from training.inputs import parsed_rows
from training.pairs import Harvest, Pair, Terms, harvested
from training.tasks import Rejected

WHAT = "EPISODES"


def run(file: str, out: str, best: str, terms: Terms, as_json: bool) -> None:
    """Write the pairs, and the best answers if a file is named for them; all or nothing.

    Raises:
        BadInput: a row cannot be used.
        StorageError: a file cannot be written.
    """
    if not out:
        raise BadInput("--out", "a file for the pairs")
    if len({Path(one).resolve() for one in (file, out, best) if one}) < 2 + bool(best):
        raise BadInput("--out and --best", "files of their own, beside the episodes")
    told: dict[str, object] = {}
    drafts = {Path(name): Path(f"{name}.part") for name in (out, best) if name}
    try:
        with drafts[Path(out)].open("w", encoding="utf-8") as pairs:
            if best:
                with drafts[Path(best)].open("w", encoding="utf-8") as lessons:
                    told = _written(file, terms, pairs, lessons)
            else:
                told = _written(file, terms, pairs, None)
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise StorageError(f"{out} cannot be written ({error.strerror})") from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    if as_json:
        print(json.dumps(told))
    else:
        print("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in told.items()))


def _written(file: str, terms: Terms, pairs: IO[str], lessons: IO[str] | None) -> dict[str, object]:
    skipped: Counter[str] = Counter()
    rows = made = taught = 0
    ratios: list[float] = []
    for one in _harvests(file, terms):
        rows += 1
        made += len(one.pairs)
        skipped.update([one.skipped] if one.skipped else [])
        pairs.writelines(pair.model_dump_json() + "\n" for pair in one.pairs)
        ratios += map(_ratio, one.pairs)
        if lessons and one.lesson:
            lessons.write(one.lesson.model_dump_json() + "\n")
            taught += 1
    told: dict[str, object] = {"rows": rows, "pairs": made}
    told |= {"best_answers": taught} if lessons else {}
    told |= {f"no_pair_{why}": number for why, number in skipped.most_common()}
    if ratios:
        longer = sum(ratio > 1 for ratio in ratios) / len(ratios)
        told |= {"longer_one_wins": round(longer, 3), "length_ratio": round(mean(ratios), 3)}
    return told


def _harvests(file: str, terms: Terms) -> Iterator[Harvest]:
    for where, row in parsed_rows(file, WHAT):
        try:
            yield harvested(row, terms, where)
        except Rejected as error:
            raise BadInput(where, f"a row with a question ({error.why})") from None


def _ratio(pair: Pair) -> float:
    return len(pair.chosen[0]["content"]) / len(pair.rejected[0]["content"])
