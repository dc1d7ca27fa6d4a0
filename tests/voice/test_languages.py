import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice import languages as known
from avatar_engine.voice.languages import AUTO, asked, languages, recognised, tag

EVERY = ("en", "fr", "es", "it", "pt", "de", "hi", "zh", "ja")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Hello everyone, and welcome!"),
        ("en", "It costs only five dollars."),
        ("fr", "Bonjour à tous, et bienvenue !"),
        ("fr", "Commandez maintenant sur www.shop.com"),
        ("es", "Hola a todos, ¿qué tal?"),
        ("es", "La botella es verde."),
        ("it", "La bottiglia è verde."),
        ("it", "Ordina adesso, è gratis."),
        ("pt", "A garrafa é verde."),
        ("pt", "Muito obrigado pela atenção."),
        ("de", "Jetzt bestellen und sparen!"),
        ("de", "Das iPhone kostet 999 Euro."),
        ("hi", "यह iPhone बहुत अच्छा है।"),
        ("zh", "这款iPhone Pro Max很好看。"),
        ("ja", "今日のiPhoneは安いです。"),
    ],
)
def test_sentences_are_recognised(language: str, sentence: str) -> None:
    for likely in ("en", "fr"):
        assert recognised(sentence, likely, EVERY) == language


def test_what_leaves_a_doubt_is_in_the_expected_language() -> None:
    for likely in ("fr", "de", "en-gb"):
        assert recognised("OK!", likely, EVERY) == likely
        assert recognised("12 345", likely, EVERY) == likely
    assert recognised("送料無料", "ja", EVERY) == "ja" and recognised("免运费", "en", EVERY) == "zh"
    assert recognised("OK!", "zh", EVERY) == "en"


def test_only_the_languages_to_choose_from_are_chosen() -> None:
    assert recognised("Jetzt bestellen und sparen!", "en", ["en", "fr"]) in ("en", "fr")
    assert recognised("这款很好看", "en", ["en", "fr"]) == "en"
    assert recognised("OK", "de", ["fr", "es"]) == "fr" and recognised("OK", "en", ["fr", "en-gb"]) == "en-gb"
    assert recognised("Hello everyone, and welcome!", "fr", ["fr", "en-gb"]) == "en-gb"


def test_a_quoted_word_of_another_script_changes_nothing() -> None:
    assert recognised("The word 你好 means hello in Chinese.", "en", EVERY) == "en"


def test_tags() -> None:
    assert tag("zh-CN") == "zh" and tag("de_AT") == "de" and asked("Auto") == AUTO
    with pytest.raises(AvatarError, match="tlh"):
        asked("tlh")


def test_a_language_without_its_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_installed", lambda language: language not in ("zh", "ja"))
    assert "zh" not in languages() and "hi" in languages()
    with pytest.raises(AvatarError, match=r"Mandarin Chinese .*pypinyin, jieba") as refused:
        tag("zh")
    assert "avatar-engine[zh]" in refused.value.advice
