"""The estimate of tokens against tokenizers: it may be too high, never too low."""

import pytest
from tokenizers import Tokenizer

from inference.embedding import BUNDLED
from inference.messages import Message
from inference.tokens import HIGHEST_RATIO, estimated_prompt, estimated_tokens

TEXTS = {
    "en": "My father has had chest pain for an hour and is sweating. He takes ramipril 5 mg, "
    "metformin 1000 mg and aspirin 100 mg. What should we do now, and what must we avoid?",
    "notes": "BP 182/45, HR 128, SpO2 91 %, lactate 4.1; Na 138, K 5.9, Cr 212, eGFR 28.\n"
    "- ramipril 5 mg 1-0-0\n- spironolactone 25 mg 1-0-0\n- apixaban 2.5 mg 1-0-1\n",
    "names": "levothyroxine, hydroxychloroquine, acetylsalicylic acid, methylprednisolone, "
    "dapagliflozin, ustekinumab and tocilizumab; ask about St John's wort as well.",
    "es": "Mi padre tiene dolor en el pecho desde hace una hora y está sudando. ¿Qué debemos "
    "hacer? Llame ahora al número de emergencias y no lo deje solo.",
    "fr": "Mon père a mal à la poitrine depuis une heure et il transpire. Que devons-nous faire ?"
    " Appelez tout de suite les secours et ne le laissez pas seul.",
    "de": "Mein Vater hat seit einer Stunde Brustschmerzen und schwitzt. Herzrhythmusstörungen "
    "sind bekannt, er nimmt Blutgerinnungshemmer. Was sollen wir tun?",
    "pt": "Meu pai está com dor no peito há uma hora e está suando. O que devemos fazer? Ligue "
    "agora para o número de emergência e não o deixe sozinho.",
    "ru": "У моего отца уже час болит в груди, и он потеет. Что нам делать? Немедленно позвоните "
    "по номеру экстренной помощи и не оставляйте его одного.",
    "ar": "والدي يعاني من ألم في الصدر منذ ساعة ويتصبب عرقا. ماذا يجب أن نفعل؟ اتصل برقم الطوارئ "
    "فورا ولا تتركه وحده.",
    "hi": "मेरे पिता को एक घंटे से सीने में दर्द हो रहा है और पसीना आ रहा है। हमें क्या करना चाहिए? तुरंत फ़ोन करें।",
    "zh": "我父亲胸痛已经一个小时了，一直在出汗。我们应该怎么办？"
    "请立即拨打急救电话，不要让他独自一人。",
}
# Counted once with cl100k_base, which Qwen's tokenizer grew out of (npm: gpt-tokenizer 4.0.0).
CL100K = {
    "en": 48,
    "notes": 90,
    "names": 55,
    "es": 39,
    "fr": 41,
    "de": 46,
    "pt": 41,
    "ru": 62,
    "ar": 76,
    "hi": 98,
    "zh": 56,
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.mark.parametrize("name", TEXTS)
def test_the_estimate_is_not_below_the_bundled_tokenizer(tokenizer: Tokenizer, name: str) -> None:
    counted = len(tokenizer.encode(TEXTS[name], add_special_tokens=False).ids)

    assert estimated_tokens(TEXTS[name]) >= counted


@pytest.mark.parametrize("name", TEXTS)
def test_the_estimate_is_above_a_large_models_count_but_not_far(name: str) -> None:
    estimate = estimated_tokens(TEXTS[name])

    assert CL100K[name] <= estimate <= HIGHEST_RATIO * CL100K[name]


def test_no_character_counts_for_more_than_its_bytes() -> None:
    rare = "አ🩺\U0001f469\u200d⚕"

    assert estimated_tokens(rare) <= len(rare.encode())


def test_each_message_has_something_around_it() -> None:
    asked = Message(role="user", content="")

    assert estimated_prompt([asked, asked]) > estimated_prompt([asked]) > 0
