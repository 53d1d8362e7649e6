"""Which judge may teach a policy."""

from clinalign.settings import Settings, who_judges
from inference.errors import BadInput

READS_WORDS = "the built-in judge reads words, and must not teach"


def refuse_builtin(settings: Settings) -> None:
    """Nothing, if another judge than the built-in one is configured.

    Raises:
        BadInput: none is, or another must not be used.
    """
    if settings.judge_choice == "builtin":
        raise BadInput("CLINALIGN_JUDGE", f"auto, model or distilled; {READS_WORDS}", "builtin")
    if who_judges(settings, "builtin") == "builtin":
        raise BadInput("CLINALIGN_JUDGE_BASE_URL", f"a judge model's address; {READS_WORDS}")
