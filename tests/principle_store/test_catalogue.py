"""The catalogue as people see it: in a real browser, without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from principle_store.catalogue import catalogue
from principle_store.types import Library
from rubrics.taxonomy import Taxonomy


@pytest.fixture(scope="module")
def file(library: Library, taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("catalogue") / "catalogue.html"
    made.write_text(catalogue(library, taxonomy), encoding="utf-8")
    return made


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    page, wrong = browser.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    outside = [one for one in wrong if not one.startswith(("file:", "about:"))]
    assert outside == []  # no fault in its script, nothing asked of a network


def shown(page: Page) -> list[str]:
    return [one.get_attribute("id") or "" for one in page.locator("article:visible").all()]


def test_all_principles_are_there_with_their_sources(page: Page, library: Library) -> None:
    assert shown(page) == [one.id for one in library.principles]
    assert (
        page.get_by_role("status").inner_text()
        == f"{len(shown(page))} of {len(shown(page))} principles"
    )
    card = page.locator("#stroke-signs-call-now")
    assert card.locator("a[href^='https://']").count() >= 1
    assert "drafted" in card.inner_text()


def test_words_and_filters_narrow_it_down(page: Page, library: Library) -> None:
    page.get_by_label("Search in all texts").fill("paracetamol maximum")

    assert "paracetamol-adult-dose-and-maximum" in shown(page)
    assert len(shown(page)) < 10

    page.get_by_label("expertise").select_option("health_professional")
    fitting = {
        one.id for one in library.principles if one.applies_to("expertise", "health_professional")
    }
    assert set(shown(page)) <= fitting

    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.querySelectorAll('article[hidden]').length === 0")


def test_a_search_in_another_language_and_without_accents_finds_too(page: Page) -> None:
    page.get_by_label("Search in all texts").fill("dolor de estomago")

    assert "abdominal-pain-warning-signs" in shown(page)


def test_nothing_found_says_how_to_go_on(page: Page) -> None:
    page.get_by_label("Search in all texts").fill("zxqv")

    assert shown(page) == []
    assert "clear a filter" in page.get_by_role("status").inner_text()


def test_the_address_keeps_the_search(page: Page, file: Path) -> None:
    page.get_by_label("Search in all texts").fill("stroke")
    kept = page.url
    page.goto("about:blank")
    page.goto(kept)

    assert page.get_by_label("Search in all texts").input_value() == "stroke"
    assert 0 < len(shown(page)) < page.locator("article").count()


def test_markup_in_a_principle_stays_text(library: Library, taxonomy: Taxonomy) -> None:
    first = library.principles[0].model_copy(update={"statement": "<script>alert(1)</script>"})
    page = catalogue(library.model_copy(update={"principles": (first,)}), taxonomy)

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
