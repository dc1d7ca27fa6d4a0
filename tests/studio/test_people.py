"""People: links that work once, passwords, sessions that end, and the last admin."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.studio.database import Database
from avatar_engine.studio.people import IDLE, LINK_HOURS, LONGEST, People
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, Refusal, SignIn
from tests.studio.conftest import PASSWORD, QUICK


class Now:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def people(tmp_path: Path, now: Now) -> People:
    return People(Database(tmp_path / "s.sqlite"), now, QUICK)


def test_a_link_works_once_and_for_a_day(people: People, now: Now) -> None:
    link = people.invite("admin", "test")
    assert people.accept(link, "Ada", PASSWORD).role == "admin"
    with pytest.raises(Missing, match="used already"):
        people.accept(link, "Bob", PASSWORD)
    late = people.invite("viewer", "test")
    now.at += LINK_HOURS * 3600 + 1
    with pytest.raises(Missing, match="too old"):
        people.accept(late, "Bob", PASSWORD)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "AdaAdaAdaAda", "x" * 201])
def test_a_password_that_is_easy_to_guess_is_refused_and_the_link_stays(
    people: People, password: str
) -> None:
    link = people.invite("admin", "test")
    with pytest.raises(Refusal):
        people.accept(link, "Ada", password)
    assert people.accept(link, "Ada", PASSWORD).name == "Ada"


@pytest.mark.parametrize("name", ["", "<script>", "../x", "a" * 61, "a\nb"])
def test_a_name_that_is_none_is_refused(people: People, name: str) -> None:
    with pytest.raises(Refusal, match="no name"):
        people.accept(people.invite("viewer", "test"), name, PASSWORD)


def test_two_people_are_not_called_the_same(people: People) -> None:
    people.accept(people.invite("viewer", "test"), "Ada", PASSWORD)
    with pytest.raises(Conflict, match="ada"):
        people.accept(people.invite("viewer", "test"), "ada", PASSWORD)


def test_a_wrong_password_and_an_unknown_name_sound_the_same(people: People) -> None:
    people.accept(people.invite("viewer", "test"), "Ada", PASSWORD)
    said = []
    for name, password in (("Ada", "wrong words here"), ("Nobody", PASSWORD)):
        with pytest.raises(SignIn) as caught:
            people.check_password(name, password)
        said.append(caught.value.what)
    assert said[0] == said[1]
    assert people.check_password("ada", PASSWORD).name == "Ada"


def test_a_session_ends_when_nobody_uses_it_and_in_any_case(people: People, now: Now) -> None:
    person = people.accept(people.invite("viewer", "test"), "Ada", PASSWORD)
    secret, session = people.begin(person)
    found = people.session(secret)
    assert found is not None and found.csrf == session.csrf
    assert people.session(secret + "x") is None
    for _ in range(int(LONGEST / (IDLE - 10)) + 1):
        now.at += IDLE - 10
        people.session(secret)
    assert people.session(secret) is None, "it was used all the time, but it is a week old"
    fresh, _ = people.begin(person)
    now.at += IDLE + 1
    assert people.session(fresh) is None


def test_signing_out_ends_the_session_alone(people: People) -> None:
    person = people.accept(people.invite("viewer", "test"), "Ada", PASSWORD)
    (one, first), (other, _) = people.begin(person), people.begin(person)
    people.end(first)
    assert people.session(one) is None and people.session(other) is not None


def test_a_new_password_ends_all_sessions(people: People) -> None:
    person = people.accept(people.invite("viewer", "test"), "Ada", PASSWORD)
    secret, _ = people.begin(person)
    with pytest.raises(Forbidden):
        people.repassword(person, "not the old one", "four other good words")
    people.repassword(person, PASSWORD, "four other good words")
    assert people.session(secret) is None
    link = people.invite("viewer", "an admin", person.id)
    assert people.accept(link, "whoever", PASSWORD).name == "Ada", "the link is for Ada, whatever is typed"


def test_somebody_who_is_shut_out_has_neither_session_nor_token(people: People) -> None:
    people.accept(people.invite("admin", "test"), "Ada", PASSWORD)
    person = people.accept(people.invite("technician", "test"), "Bob", PASSWORD)
    secret, _ = people.begin(person)
    token = people.new_token(person, "switcher")
    assert people.bearer(token) == person
    people.change(person.id, "technician", active=False)
    assert people.session(secret) is None and people.bearer(token) is None
    with pytest.raises(SignIn):
        people.check_password("Bob", PASSWORD)


def test_the_last_admin_stays_one(people: People) -> None:
    ada = people.accept(people.invite("admin", "test"), "Ada", PASSWORD)
    for role, active in (("viewer", True), ("admin", False)):
        with pytest.raises(Forbidden, match="last admin"):
            people.change(ada.id, role, active)
    bob = people.accept(people.invite("admin", "test"), "Bob", PASSWORD)
    assert people.change(ada.id, "viewer", True).role == "viewer"
    with pytest.raises(Forbidden):
        people.change(bob.id, "viewer", True)


def test_no_secret_is_in_the_database(people: People, tmp_path: Path) -> None:
    link = people.invite("admin", "test")
    person = people.accept(link, "Ada", PASSWORD)
    secret, _ = people.begin(person)
    token = people.new_token(person, "t")
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("s.sqlite*"))
    for one in (link, PASSWORD, secret, token):
        assert one.encode() not in kept
