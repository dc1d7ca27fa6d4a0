"""The second factor: set up with a first code, asked at the door and before going on air, and lost with its phone."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from avatar_engine.cli import studio as command_line
from avatar_engine.studio import past
from avatar_engine.studio.app import made
from avatar_engine.studio.factors import ENROL_SECONDS, FRESH_SECONDS, Factors, Rules
from avatar_engine.studio.house import House
from avatar_engine.studio.people import Person
from avatar_engine.studio.rates import Rate
from avatar_engine.studio.refusals import Conflict, Refusal, SignIn, TooMany
from tests.studio.conftest import PASSWORD, opened, until


class Clock:
    def __init__(self) -> None:
        self.now = 2_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def factors(house: House, clock: Clock) -> Factors:
    """The house's own, by a clock of the test's."""
    house.factors._clock = clock
    house.factors._tries = Rate(1e6, 1e6)
    return house.factors


@pytest.fixture
def ada(house: House) -> Person:
    return house.people.accept(house.people.invite("admin", "t"), "Ada", PASSWORD)


def shown(secret: str, now: float) -> str:
    """What a phone shows."""
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(now).decode()


def enrolled(factors: Factors, person: Person, clock: Clock) -> tuple[str, list[str]]:
    """The secret and the spare codes of somebody who has set it up; the next code is another."""
    begun = factors.begin(person)
    spare = factors.enrol(person, begun.sealed, shown(begun.secret, clock.now))
    clock.now += 60
    return begun.secret, spare


def test_it_holds_once_a_first_code_came_and_each_code_counts_once(
    factors: Factors, ada: Person, clock: Clock, house: House
) -> None:
    begun = factors.begin(ada)
    assert "avatar-engine" in begun.address and begun.secret in begun.address
    assert not house.people.person(ada.id).factor, "nothing holds before a first code"
    with pytest.raises(Refusal, match="code of the moment"):
        factors.enrol(ada, begun.sealed, "000000")
    secret, _ = enrolled(factors, ada, clock)
    assert house.people.person(ada.id).factor
    code = shown(secret, clock.now)
    factors.check(ada, f"{code[:3]} {code[3:]}")
    with pytest.raises(SignIn, match="used already"):
        factors.check(ada, code)
    with pytest.raises(SignIn):
        factors.check(ada, shown(secret, clock.now - 30))  # older than one that was used
    clock.now += 300
    factors.check(ada, shown(secret, clock.now - 30))  # a phone whose clock is half a minute late
    with pytest.raises(SignIn):
        factors.check(ada, shown(secret, clock.now + 120))


def test_the_first_code_is_used_up_and_nothing_takes_the_place_of_a_factor_that_holds(
    factors: Factors, ada: Person, clock: Clock
) -> None:
    begun, other = factors.begin(ada), factors.begin(ada)
    factors.enrol(ada, begun.sealed, shown(begun.secret, clock.now))
    with pytest.raises(SignIn, match="used already"):
        factors.check(ada, shown(begun.secret, clock.now))
    clock.now += 60
    with pytest.raises(Conflict, match="already"):
        factors.enrol(ada, other.sealed, shown(other.secret, clock.now))
    factors.check(ada, shown(begun.secret, clock.now))


def test_a_password_and_a_session_alone_set_up_no_other_factor(
    browser: TestClient, house: House, factors: Factors, ada: Person, clock: Clock
) -> None:
    enrolled(factors, ada, clock)
    word = signed_in(browser, house, house.people.person(ada.id))
    answer = browser.post("/do/me/factor", data={"csrf": word, "password": PASSWORD})
    assert answer.status_code == 409 and "secret" not in answer.text


def test_too_many_codes_are_told_as_such_and_whose_they_were_is_written_down(
    browser: TestClient, house: House, ada: Person, clock: Clock
) -> None:
    house.factors._clock = clock
    enrolled(house.factors, ada, clock)
    browser.post("/sign-in/code", data={"half": house.factors.halfway(ada), "code": "000000"})
    until(
        lambda: (
            [one["by"] for one in past.entries(house.audit_log) if one["event"] == "code refused"] == ["Ada"]
        )
    )
    word = signed_in(browser, house, house.people.person(ada.id))
    tries = [browser.post("/do/me/confirm", data={"csrf": word, "code": f"{one:06}"}) for one in range(12)]
    assert tries[0].status_code == 403 and tries[-1].status_code == 429


def test_a_secret_is_taken_over_by_its_own_person_in_time(
    factors: Factors, ada: Person, clock: Clock, house: House
) -> None:
    bob = house.people.accept(house.people.invite("viewer", "t"), "Bob", PASSWORD)
    begun = factors.begin(ada)
    with pytest.raises(Refusal, match="not yours"):
        factors.enrol(bob, begun.sealed, shown(begun.secret, clock.now))
    clock.now += ENROL_SECONDS + 1
    with pytest.raises(Refusal, match="too long"):
        factors.enrol(ada, begun.sealed, shown(begun.secret, clock.now))
    with pytest.raises(Refusal, match="too long"):
        factors.enrol(ada, "nonsense", "000000")


def test_spare_codes_let_in_once_each_and_only_their_own(
    factors: Factors, ada: Person, clock: Clock, house: House
) -> None:
    _, spare = enrolled(factors, ada, clock)
    bob = house.people.accept(house.people.invite("viewer", "t"), "Bob", PASSWORD)
    enrolled(factors, bob, clock)
    with pytest.raises(SignIn):
        factors.check(bob, spare[0])
    factors.check(ada, spare[0].upper())
    with pytest.raises(SignIn):
        factors.check(ada, spare[0])
    assert factors.spare(ada) == len(spare) - 1 and factors.spare(bob) == len(spare)
    fresh = factors.renew(ada)
    with pytest.raises(SignIn):
        factors.check(ada, spare[1])
    factors.check(ada, fresh[0])


def test_nothing_in_the_database_gives_a_code_away(
    factors: Factors, ada: Person, clock: Clock, house: House
) -> None:
    secret, spare = enrolled(factors, ada, clock)
    house.database.do("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = house.database.file.read_bytes()
    for known in (secret, *spare, *(one.replace("-", "") for one in spare)):
        assert known.encode() not in kept and base64.b32decode(secret) not in kept


def test_who_guesses_codes_is_held_back(house: House, ada: Person, clock: Clock) -> None:
    house.factors._clock = clock
    enrolled(house.factors, ada, clock)
    with pytest.raises(TooMany):
        for guess in range(20):
            try:
                house.factors.check(ada, f"{guess:06}")
            except TooMany:
                raise
            except SignIn:
                continue


@pytest.fixture
def browser(house: House) -> TestClient:
    return TestClient(made(house, rate=Rate(1e6, 1e6)), follow_redirects=False)


def signed_in(line: TestClient, house: House, person: Person) -> str:
    """The session's word of somebody who is let in without a question."""
    secret, session = house.people.begin(person)
    line.cookies.set("studio", secret)
    return session.csrf


def test_the_door_asks_for_the_code_and_lets_nobody_in_before(
    browser: TestClient, factors: Factors, ada: Person, clock: Clock
) -> None:
    secret, spare = enrolled(factors, ada, clock)
    asked = browser.post("/sign-in", data={"name": "Ada", "password": PASSWORD})
    assert asked.status_code == 200 and "set-cookie" not in asked.headers
    half = re.search(r'name="half" value="([^"]+)"', asked.text)
    assert half
    wrong = browser.post("/sign-in/code", data={"half": half[1], "code": "123456"})
    assert wrong.status_code == 401 and "set-cookie" not in wrong.headers
    right = browser.post("/sign-in/code", data={"half": half[1], "code": shown(secret, clock.now)})
    assert right.status_code == 303 and "set-cookie" in right.headers
    used = browser.post("/sign-in/code", data={"half": half[1], "code": spare[0]})
    assert used.status_code == 401, "a door that was gone through is shut"
    asked = browser.post("/sign-in", data={"name": "Ada", "password": PASSWORD})
    half = re.search(r'name="half" value="([^"]+)"', asked.text)
    assert half
    clock.now += 301
    late = browser.post("/sign-in/code", data={"half": half[1], "code": shown(secret, clock.now)})
    assert late.status_code == 401


def test_a_link_for_a_lost_password_does_not_do_without_the_code(
    browser: TestClient, house: House, factors: Factors, ada: Person, clock: Clock
) -> None:
    enrolled(factors, ada, clock)
    link = house.people.invite("admin", "t", ada.id)
    new = {"name": "Ada", "password": "three better words", "again": "three better words"}
    answer = browser.post(f"/welcome/{link}", data=new)
    assert answer.status_code == 200 and 'name="half"' in answer.text and "set-cookie" not in answer.headers


def test_where_everybody_must_have_one_nothing_else_is_done_first(
    browser: TestClient, house: House, factors: Factors, ada: Person, clock: Clock
) -> None:
    bob = house.people.accept(house.people.invite("technician", "t"), "Bob", PASSWORD)
    factors.rule(Rules(sign_in=True))
    word = signed_in(browser, house, bob)
    assert browser.get("/").headers["location"] == "/settings#factor"
    assert browser.get("/clones").status_code == 403 and browser.get("/settings").status_code == 200
    assert browser.post("/do/scripts", data={"name": "a", "csrf": word}).status_code == 403
    for way in ("live", "mic"):
        with (
            pytest.raises(WebSocketDisconnect) as left,
            browser.websocket_connect(f"/api/v1/shows/1/{way}.ws"),
        ):
            pass
        assert left.value.code == 4401
    begun = browser.post("/do/me/factor", data={"password": PASSWORD, "csrf": word}).text
    sealed = re.search(r'name="sealed" value="([^"]+)"', begun)
    secret = re.search(r'class="secret">([A-Z2-7]+)<', begun)
    assert sealed and secret
    given = {"sealed": sealed[1], "code": shown(secret[1], clock.now), "csrf": word}
    assert browser.post("/do/me/factor/enrol", data=given).text.count("<li>") == 10
    assert browser.get("/clones").status_code == 200
    refused = browser.post("/do/me/factor/drop", data={"password": PASSWORD, "code": "1", "csrf": word})
    assert refused.status_code == 403


def test_a_password_that_is_not_known_sets_nothing_up(browser: TestClient, house: House, ada: Person) -> None:
    word = signed_in(browser, house, ada)
    assert browser.post("/do/me/factor", data={"password": "a wrong one", "csrf": word}).status_code == 403


def test_a_show_goes_out_with_a_fresh_code_alone(
    browser: TestClient, house: House, factors: Factors, ada: Person, clock: Clock
) -> None:
    word = signed_in(browser, house, ada)
    rules = {"publish": "true", "csrf": word}
    assert browser.post("/do/factors", data=rules).status_code == 409, "who has none locks himself out"
    secret, _ = enrolled(factors, ada, clock)
    assert browser.post("/do/factors", data=rules).status_code == 200
    start = {"clone": "1", "script": "1", "outputs": "1", "csrf": word}
    assert "code of your second factor" in browser.post("/do/shows", data=start).text
    assert browser.post("/do/shows", data={**start, "outputs": []}).status_code == 404, (
        "a recording needs none"
    )
    given = {"code": shown(secret, clock.now), "csrf": word}
    assert browser.post("/do/me/confirm", data=given).status_code == 200
    assert browser.post("/do/shows", data=start).status_code == 404, "past the code: there is no such clone"
    clock.now += FRESH_SECONDS + 1
    assert browser.post("/do/shows", data=start).status_code == 403
    program = {"authorization": f"Bearer {house.people.new_token(ada, 'program')}"}
    wish = {"clone": 1, "script": 1, "outputs": [1]}
    browser.cookies.clear()
    assert browser.post("/api/v1/shows", json=wish, headers=program).status_code == 403
    program["x-code"] = shown(secret, clock.now)
    assert browser.post("/api/v1/shows", json=wish, headers=program).status_code == 404


def test_a_lost_phone_is_helped_by_an_admin_or_on_the_machine(
    browser: TestClient, house: House, factors: Factors, ada: Person, clock: Clock
) -> None:
    bob = house.people.accept(house.people.invite("technician", "t"), "Bob", PASSWORD)
    enrolled(factors, bob, clock)
    word = signed_in(browser, house, ada)
    assert "Take the second factor away" in browser.get("/settings").text
    assert browser.post(f"/do/people/{bob.id}/factor", data={"csrf": word}).status_code == 200
    assert not house.people.person(bob.id).factor and factors.spare(bob) == 0
    enrolled(factors, ada, clock)
    command_line.link("Ada", no_factor=True, folder=house.folder)
    assert not house.people.person(ada.id).factor


def test_a_studio_of_the_first_release_is_taken_over(place: Path) -> None:
    """A database of schema 1 gets what is new, and keeps who was there."""
    house = opened(place)
    house.people.accept(house.people.invite("admin", "t"), "Ada", PASSWORD)
    for change in (
        "DROP TABLE spare_codes", "DROP TABLE half_in", "ALTER TABLE people DROP COLUMN factor",
        "ALTER TABLE people DROP COLUMN factor_step", "ALTER TABLE sessions DROP COLUMN confirmed",
        "PRAGMA user_version = 1",
    ):  # fmt: skip
        house.database.do(change)
    house.close()
    again = opened(place)
    try:
        assert again.people.check_password("Ada", PASSWORD).role == "admin"
        assert not again.factors.rules().sign_in
    finally:
        again.close()
