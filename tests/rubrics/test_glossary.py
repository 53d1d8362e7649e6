from collections import Counter
from pathlib import Path

import pytest

from rubrics.glossary import FOLDER, Glossaries, Glossary, load_glossaries

GLOSSARIES = load_glossaries()
LANGUAGES = ["ar", "de", "es", "fr", "hi", "pt", "ru", "zh"]


@pytest.mark.parametrize(
    ("language", "text", "english"),
    [
        ("es", "¿Puedo tomar ibuprofeno si estoy embarazada?", "can i take ibuprofen"),
        ("es", "me duele la cabeza desde ayer", "since yesterday"),
        ("fr", "J'ai mal à la gorge depuis trois jours", "it hurts to the throat for three days"),
        ("pt", "Meu filho está com febre e não quer comer", "my son has a fever"),
        ("de", "Ich habe starke Bauchschmerzen und Fieber", "fever"),
        ("zh", "我头痛三天了，要不要去医院？", "headache"),
        ("ar", "هل يمكنني تناول الباراسيتامول أثناء الحمل؟", "paracetamol"),
        ("hi", "क्या मैं गर्भावस्था में पैरासिटामोल ले सकती हूँ?", "paracetamol"),
        ("ru", "У меня болит горло и температура 39", "i have a sore throat and temperature 39"),
        ("en", "I've had a fever since yesterday", "I've had a fever since yesterday"),
    ],
)
def test_a_question_is_recognised_and_put_into_crude_english(
    language: str, text: str, english: str
) -> None:
    assert GLOSSARIES.language(text) == language
    assert english.casefold() in GLOSSARIES.english(text, language).casefold()


def test_a_text_in_no_known_language_stays_as_it_is() -> None:
    assert GLOSSARIES.language("zxqv 39") == "en"
    assert Glossaries(()).english("hola", "es") == "hola"


@pytest.fixture
def glossary() -> Glossary:
    made = Glossary(
        language="xx", script="", spaced=True, compounds=True, prefixes=("ge",), common=("und",)
    )
    made.__dict__["words"] = {
        "head": "kopf",
        "pain": "schmerz*, weh*",
        "headache": "kopf tut weh",
        "pregnant": "schwanger*",
        "": "ein, der",
    }
    return made


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Der Kopf tut weh", "headache"),  # the longest phrase wins
        ("ein Kopf, schwangere!", "head , pregnant !"),
        ("Schmerzen metformin 8,5 mg", "pain metformin 8,5 mg"),  # unknown Latin words stay
        ("Kopfschmerzen", "head pain"),  # a compound is split
        ("geschmerzt", "pain"),  # a prefix is taken off
        ("weh kopf", "pain head"),  # a star ends with its word
        ("кашель kopf", "head"),  # an unknown word in another script goes
    ],
)
def test_phrases_endings_compounds_and_prefixes(
    glossary: Glossary, text: str, english: str
) -> None:
    assert glossary.english(text) == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_glossary_is_large_and_says_each_thing_once(language: str) -> None:
    text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    keys = Counter(line.split('": ')[0] for line in text.split("\n") if line.startswith('"'))
    glossary = Glossary.model_validate(
        {**NOTHING, "language": language, "script": "x" if language == "zh" else ""}
    )

    assert [key for key, times in keys.items() if times > 1] == []
    assert len(glossary.words) >= 1400
    forms = [form.strip() for said in glossary.words.values() for form in said.split(",")]
    assert not any("*" in form[:-1] for form in forms)


NOTHING = {"spaced": True, "compounds": False, "prefixes": (), "common": ()}


def test_every_language_has_its_file() -> None:
    named = {path.stem for path in Path(str(FOLDER)).glob("*.yaml")} - {"languages"}

    assert named == set(LANGUAGES)
