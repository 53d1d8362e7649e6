"""Opens the configured verifier, alone or before a model."""

from clinalign.passports import kept_passport
from clinalign.settings import FOLDER, Settings
from inference.errors import BadInput
from rubrics.distilled_judge import DistilledJudge
from rubrics.judge import Judge, Mode
from rubrics.staged_judge import StagedJudge, staged_fingerprint


def open_verifier(settings: Settings) -> DistilledJudge:
    """The judge in the configured folder, with what was measured of it.

    Raises:
        BadInput: none is configured, or the folder holds none.
        StorageError: its files are damaged, or do not belong together.
    """
    if settings.judge_folder is None:
        raise BadInput(FOLDER, "a folder that `clinalign train judge` wrote")
    judge = DistilledJudge(settings.judge_folder, where=FOLDER)
    return judge.measured(kept_passport(settings.data_dir, judge.fingerprint))


def in_stages(
    settings: Settings, mode: Mode, verifier: DistilledJudge | None, judge: Judge
) -> Judge:
    """The judge; in `fast` mode only for what the verifier, if there is one, leaves to it."""
    if verifier is None or mode != "fast":
        return judge
    measured = staged_fingerprint(verifier.fingerprint, judge.fingerprint)
    return StagedJudge(verifier, judge, kept_passport(settings.data_dir, measured))
