"""The commands that make what training needs, and their options."""

from typing import TYPE_CHECKING, Annotated

import typer

from clinalign.agent_commands import completed_settings
from clinalign.model_commands import NoFind
from clinalign.options import AsJson, BaseUrl, Debug, LocalOnly, Model, Overlay, Writing
from clinalign.telling import told

if TYPE_CHECKING:
    from training.estimate import Price
    from training.tasks import Stage


def synthesize(
    questions: Annotated[
        str,
        typer.Argument(
            help="JSONL, CSV, Parquet or a dataset's folder: rows with `prompt`, a conversation or "
            "a text."
        ),
    ],
    out: Annotated[str, typer.Option(help="Where the rubrics go; run again to go on.")] = "",
    stage: Annotated[
        str,
        typer.Option(help="all, or one step that adds its fields: scenario, pool, rubric."),
    ] = "all",
    controls: Annotated[
        str,
        typer.Option(
            help="Switched on, or off with a - before: merge, contrast, discriminate, weights, "
            "difficulty, near; harms, context and leaks are on."
        ),
    ] = "",
    samples: Annotated[
        int, typer.Option(min=2, max=32, help="Answers sampled where a control needs them.")
    ] = 4,
    decontaminate: Annotated[
        list[str] | None,
        typer.Option(help="A file of questions that measure, to keep out; may be repeated."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Print what the rows left will cost; write nothing.")
    ] = False,
    price: Annotated[
        str, typer.Option(help="Of a million prompt and completion tokens: 0.1,0.4.")
    ] = "0,0",
    seconds_a_call: Annotated[
        float, typer.Option(min=0, help="Assumed by --estimate where no rows are done yet.")
    ] = 10.0,
    engine: Annotated[
        str, typer.Option(help="local, or ray: a cluster's machines (RAY_ADDRESS), or this one's.")
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, help="Processes, with --engine ray.")] = 4,
    in_flight: Annotated[
        int,
        typer.Option("--in-flight", "--concurrency", min=1, max=4096, help="Questions at once."),
    ] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another rubric.")] = 0,
    writing: Writing = "",
    no_find: NoFind = False,
    local_only: LocalOnly = False,
    base_url: BaseUrl = "",
    model: Model = "",
    overlay: Overlay = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a rubric for every question; rejected ones go to a file beside, with the reason."""

    def run() -> None:
        from pathlib import Path

        from clinalign.commands import synthesize
        from clinalign.commands.synthesize_rows import Order
        from clinalign.settings import Settings
        from training.controls import Controls

        order = Order(
            file=questions,
            out=Path(out),
            controls=Controls.of(controls).model_copy(update={"samples": samples}),
            stage=_stage(stage),
            decontaminate=decontaminate or (),
            in_flight=in_flight,
            seed=seed,
            workers=workers if _is_ray(engine) else 0,
        )
        prices = _price(price)
        settings = completed_settings(
            Settings.from_environment(
                base_url=base_url,
                model=model,
                overlay=overlay,
                local_only=local_only,
                writing=writing,
            ),
            not no_find,
        )
        if estimate:
            synthesize.estimate(order, settings, prices, seconds_a_call, as_json)
        else:
            synthesize.run(order, settings, as_json)

    told(run, debug)


def pairs(
    episodes: Annotated[
        str,
        typer.Argument(
            help="What `ask --file` wrote; or rows with `prompt`, `rubrics` and judged `answers`."
        ),
    ],
    out: Annotated[str, typer.Option(help="Where the preferences go, a JSONL file.")] = "",
    best: Annotated[str, typer.Option(help="Where the answers to learn from go, if wanted.")] = "",
    margin: Annotated[float, typer.Option(help="Between two fractions, at least.")] = 0.1,
    longest: Annotated[
        float, typer.Option(help="The better answer, in lengths of the other, at most.")
    ] = 2.0,
    least_coverage: Annotated[float, typer.Option(help="Judged share of the criteria.")] = 0.8,
    at_least: Annotated[float, typer.Option(help="A fraction that is worth learning from.")] = 0.7,
    most: Annotated[int, typer.Option(min=1, help="Pairs of one question.")] = 1,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make preferences and best answers, in TRL's forms, of answers that were judged."""

    def run() -> None:
        from clinalign.commands import pairs
        from inference.words import read
        from training.pairs import Terms

        said = {"margin": margin, "longest": longest, "least_coverage": least_coverage}
        terms = read(Terms, {**said, "best": at_least, "most": most}, "options")
        pairs.run(episodes, out, best, terms, as_json)

    told(run, debug)


def _stage(said: str) -> "Stage":
    from inference.errors import BadInput
    from training.tasks import STAGES

    for one in STAGES:
        if said == one:
            return one
    raise BadInput("--stage", f"one of {', '.join(STAGES)}", said)


def _is_ray(engine: str) -> bool:
    from inference.errors import BadInput

    if engine not in ("local", "ray"):
        raise BadInput("--engine", "local or ray", engine)
    return engine == "ray"


def _price(said: str) -> "Price":
    from inference.errors import BadInput
    from training.estimate import Price

    try:
        prompt, completion = map(float, said.split(","))
        return Price(prompt=prompt, completion=completion)
    except ValueError:
        raise BadInput(
            "--price", "two numbers with a comma between, such as 0.1,0.4", said
        ) from None
