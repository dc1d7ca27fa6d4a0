"""The one kind of error that a user is meant to read."""


class AvatarError(Exception):
    """Something the user can act on: what was wrong, with which value, and what to do.

    Args:
        what: One sentence that says what was wrong, with the offending value.
        advice: One sentence that says what to do about it.

    The command line prints both and exits with status 2; nothing else in the engine is shown
    to a user as an error, and any other exception is a defect.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what} {advice}".strip())
        self.what = what
        self.advice = advice
