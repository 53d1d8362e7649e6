"""The library as one HTML page to leaf through: filters by scenario, search, nothing loaded."""

import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from inference.templates import fill
from principle_store.types import Library, Principle, ReadyCriterion, Source
from rubrics.taxonomy import Dimension, Taxonomy

PAGE = (files("principle_store") / "catalogue.html").read_text(encoding="utf-8")


def catalogue(library: Library, taxonomy: Taxonomy) -> str:
    """The page. It needs no network and no other file."""
    labelled = {
        name
        for principle in library.principles
        for name, scope in principle.scenario.items()
        if scope != "any"
    }
    filters = (_filter(one) for one in taxonomy.dimensions if one.name in labelled)
    return fill(
        PAGE,
        version=escape(library.version),
        hash=library.hash[:12],
        count=str(len(library.principles)),
        filters="\n    ".join(filters),
        articles="\n  ".join(map(_article, library.principles)),
    )


def _filter(dimension: Dimension) -> str:
    options = "".join(
        f'<option value="{value}" title="{escape(meaning)}">{_spaced(value)}</option>'
        for value, meaning in dimension.values.items()
    )
    name = dimension.name
    any_of_them = '<option value="">any</option>'
    return f'<label>{_spaced(name)}<select name="{name}">{any_of_them}{options}</select></label>'


def _article(principle: Principle) -> str:
    words = " ".join(word for spoken in principle.search_words.values() for word in spoken)
    scopes = escape(json.dumps(principle.model_dump(mode="json")["scenario"]))
    examples = principle.examples
    parts = [
        f'<article id="{principle.id}" data-scenario="{scopes}" data-words="{escape(words)}">',
        f"<h2>{escape(principle.statement)}</h2>",
        f'<p><a href="#{principle.id}"><code>{principle.id}</code></a></p>',
        _list("labels", map(escape, _labels(principle))),
        f"<p>{escape(principle.rationale)}</p>",
        _list("criteria", map(_criterion, principle.criteria)),
        _more("What an answer can say or do", map(escape, _guidance(principle))),
        _more("How people ask", map(escape, principle.asked_as)),
        _more("Examples", map(escape, (examples.passing, examples.failing) if examples else ())),
        _more("Sources", [*map(_source, principle.sources), _checked(principle)]),
        "</article>",
    ]
    return "".join(part for part in parts if part)


def _labels(principle: Principle) -> Iterable[str]:
    for name, scope in principle.scenario.items():
        if scope != "any":
            yield f"{_spaced(name)}: {', '.join(map(_spaced, scope))}"
    yield f"evidence: {_spaced(principle.evidence)}"
    yield f"{principle.status}, version {principle.version}"


def _criterion(criterion: ReadyCriterion) -> str:
    colour = "plus" if criterion.points > 0 else "minus"
    points = f'<span class="points {colour}">{criterion.points:+g}</span>'
    return f"{points}<span>{escape(criterion.criterion)}</span>"


def _guidance(principle: Principle) -> Iterable[str]:
    return (one.say or f"(Do) {one.do}" for one in principle.guidance)


def _source(source: Source) -> str:
    name = f"{source.organisation}: {source.title} ({source.year})"
    return f'<a href="{escape(source.url)}" rel="noreferrer">{escape(name)}</a>'


def _checked(principle: Principle) -> str:
    return f'<span class="soft">Checked: {escape(principle.source_check)}</span>'


def _more(title: str, items: Iterable[str]) -> str:
    inner = _list("", items)
    return f"<details><summary>{title}</summary>{inner}</details>" if inner else ""


def _list(kind: str, items: Iterable[str]) -> str:
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="{kind}">{rows}</ul>' if rows else ""


def _spaced(name: str) -> str:
    return escape(name.replace("_", " "))
