"""The commands about judges and rubrics, and their options."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from clinalign.options import AsJson, BaseUrl, Debug, Model
from clinalign.telling import told

if TYPE_CHECKING:
    from clinalign.judging import Choice
    from clinalign.settings import Settings

KEYWORD = inspect.Parameter.KEYWORD_ONLY

judge = typer.Typer(name="judge", help="Judges: their verdicts, and how far to trust them.")
rubrics = typer.Typer(name="rubrics", help="Rubrics: what is wrong with their wording.")

Which = Annotated[
    str,
    typer.Option(
        "--judge",
        help="auto: the configured model, else the built-in one; or builtin, model, distilled.",
    ),
]
Mode = Annotated[
    str, typer.Option(help="packed: several criteria a call; single: one; fast: one token.")
]
Pack = Annotated[int, typer.Option(help="Criteria a call in packed mode.")]
Quotes = Annotated[
    str, typer.Option("--quote-policy", help="strict, or lenient: a MET without its quote stays.")
]
Votes = Annotated[int, typer.Option(help="How often the model is asked.")]
Rule = Annotated[str, typer.Option(help="How votes become a verdict: majority or mean.")]
Panel = Annotated[
    list[str] | None, typer.Option(help="A further model at the same address; may be repeated.")
]
InFlight = Annotated[int, typer.Option("--concurrency", help="Calls at once.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither keep nor reuse verdicts.")]
Labels = Annotated[
    str, typer.Option(help="JSONL rows: prompt, completion, criterion, labels, category.")
]


class Bidding(NamedTuple):
    """What the options of a judge come to."""

    settings: "Settings"
    choice: "Choice"


def _bidding(
    which: Which = "auto",
    mode: Mode = "packed",
    pack: Pack = 8,
    quote_policy: Quotes = "strict",
    votes: Votes = 1,
    rule: Rule = "majority",
    panel: Panel = None,
    concurrency: InFlight = 64,
    no_cache: NoCache = False,
    base_url: BaseUrl = "",
    model: Model = "",
) -> Bidding:
    from clinalign.judging import Choice
    from clinalign.settings import Settings
    from inference.words import read

    manner = {"mode": mode, "pack": pack, "quote_policy": quote_policy}
    chosen = {"judge": which, "manner": manner, "votes": votes, "rule": rule}
    chosen |= {"panel": panel or [], "in_flight": concurrency, "remembers": not no_cache}
    settings = Settings.from_environment(base_url=base_url, model=model)
    return Bidding(settings, read(Choice, chosen, "judge"))


def asking_a_judge(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes a judge's options after its own; it is handed them as `bidding`."""
    of_judge = inspect.signature(_bidding).parameters
    of_command = inspect.signature(command).parameters
    own = [one for name, one in of_command.items() if name != "bidding"]
    debug = inspect.Parameter("debug", KEYWORD, default=False, annotation=Debug)
    options = [*own, *of_judge.values(), debug]

    def run(**given: Any) -> None:
        def act() -> None:
            bidding = _bidding(**{name: given[name] for name in of_judge})
            command(**{one.name: given[one.name] for one in own}, bidding=bidding)

        told(act, given["debug"])

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {one.name: one.annotation for one in options}
    run.__signature__ = inspect.Signature([one.replace(kind=KEYWORD) for one in options])  # type: ignore[attr-defined]
    return run


@judge.command("run")
@asking_a_judge
def run(
    bidding: Bidding,
    rubric: Annotated[str, typer.Option(help="A JSON list of criteria.")] = "",
    conversation: Annotated[str, typer.Option(help="A JSON list of {role, content}.")] = "",
    answer: Annotated[str, typer.Option(help="A text file with the answer.")] = "",
    batch: Annotated[
        str, typer.Option(help="Instead: JSONL rows with prompt, completion, rubrics.")
    ] = "",
    out: Annotated[str, typer.Option(help="Where a batch's verdicts go; taken up again.")] = "",
    as_json: AsJson = False,
) -> None:
    """Judge one answer, or a file of them."""
    from clinalign.commands import judge, judge_batch

    if batch or out:
        judge_batch.run(batch, out, bidding.settings, bidding.choice, as_json)
    else:
        judge.run(rubric, conversation, answer, bidding.settings, bidding.choice, as_json)


@judge.command("calibrate")
@asking_a_judge
def calibrate(bidding: Bidding, labels: Labels, as_json: AsJson = False) -> None:
    """Measure a judge against labels and keep the result as its passport."""
    from clinalign.commands import judge

    judge.calibrate(labels, bidding.settings, bidding.choice, as_json)


@judge.command("agreement")
@asking_a_judge
def agreement(bidding: Bidding, labels: Labels, as_json: AsJson = False) -> None:
    """Compare a judge with physicians' labels, and physicians with each other."""
    from clinalign.commands import judge

    judge.agreement(labels, bidding.settings, bidding.choice, as_json)


@rubrics.command("lint")
def lint(
    file: Annotated[
        str, typer.Argument(help="A JSON list of criteria, or JSONL rows with `rubrics`.")
    ],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Look through rubrics for criteria that are hard to judge or wrong."""

    def act() -> None:
        from clinalign.commands import lint

        lint.run(file, as_json)

    told(act, debug)
