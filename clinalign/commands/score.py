"""`clinalign score`: the arithmetic alone."""

from clinalign.commands.files import read_json
from clinalign.render import show_score
from inference.words import read
from rubrics.scoring import score
from rubrics.types import Rubric, Verdict


def run(rubric_path: str, verdicts_path: str, partial: bool, as_json: bool) -> None:
    """Print the score of the verdicts.

    Raises:
        BadInput: a file cannot be used, or the two do not belong together.
    """
    rubric = Rubric.from_rows(read_json(rubric_path, "--rubric"))
    verdicts = read(tuple[Verdict, ...], read_json(verdicts_path, "--verdicts"), "verdicts")
    added = score(rubric, verdicts, partial=partial)
    if as_json:
        print(added.model_dump_json())
    else:
        show_score(added)
