from avatar_engine.errors import AvatarError


def test_what_and_advice_are_one_text_and_stay_apart() -> None:
    error = AvatarError("The clip is silent.", "Film again.")
    assert str(error) == "The clip is silent. Film again."
    assert (error.what, error.advice) == ("The clip is silent.", "Film again.")
    assert str(AvatarError("The clip is silent.")) == "The clip is silent."
