"""The API: roles, forged requests, headers, two at once, and everything that its schema allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import schemathesis
import schemathesis.openapi
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from starlette.websockets import WebSocketDisconnect

from avatar_engine.figures import folder
from avatar_engine.figures.cost import Cost
from avatar_engine.figures.series import Series
from avatar_engine.studio import past
from avatar_engine.studio.app import made
from avatar_engine.studio.forms import forms
from avatar_engine.studio.gate import COOKIE
from avatar_engine.studio.guard import MOST_BODY
from avatar_engine.studio.house import House
from avatar_engine.studio.people import ROLES
from avatar_engine.studio.rates import Rate
from avatar_engine.studio.scripts import NEW
from tests.studio.conftest import PASSWORD, clone_of, until

As = Callable[[str], TestClient]

FORBIDDEN = [
    ("presenter", "POST", "/api/v1/clones", {"name": "x", "upload": "x"}),
    ("presenter", "POST", "/api/v1/clones/1/consent", {
        "presenter": "x", "uses": ["education"], "languages": ["en"], "valid_until": "2099-01-01", "technician": "x",
    }),
    ("presenter", "POST", "/api/v1/shows/1/stop", {}),
    ("presenter", "POST", "/api/v1/clones/1/permits", {"code": "x", "hours": 1}),
    ("presenter", "POST", "/api/v1/clones/1/withdrawal", {"confirm": "x"}),
    ("presenter", "GET", "/api/v1/clones/1/permits/x.toml", None),
    ("technician", "POST", "/api/v1/clones/1/fit", {}),
    ("technician", "POST", "/api/v1/clones/1/looks", {"name": "x", "upload": "x"}),
    ("technician", "DELETE", "/api/v1/clones/1/looks/x", None),
    ("technician", "POST", "/api/v1/clones/1/decision", {"decision": "accepted"}),
    ("technician", "POST", "/api/v1/shows", {"clone": 1, "script": 1}),
    ("technician", "POST", "/api/v1/rooms", {"clone": 1}),
    ("technician", "POST", "/api/v1/shows/1/orders", {"order": "say", "text": "x"}),
    ("technician", "POST", "/api/v1/outputs", {"name": "x", "address": "nonsense"}),
    ("technician", "POST", "/api/v1/outputs/1/test", {}),
    ("technician", "POST", "/api/v1/scripts", {"name": "x", "text": "x"}),
    ("technician", "POST", "/api/v1/says", {"clone": 1, "text": "x"}),
    ("technician", "POST", "/api/v1/jobs/1/stop", {}),
    ("admin", "PUT", "/api/v1/hosts", {"hosts": ["twitch"]}),
    ("admin", "POST", "/api/v1/invitations", {"role": "admin"}),
    ("admin", "PUT", "/api/v1/people/1", {"role": "admin"}),
    ("admin", "GET", "/api/v1/people", None),
    ("admin", "GET", "/api/v1/audit", None),
    ("admin", "POST", "/api/v1/erasures", {"name": "x", "confirm": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("least", "method", "path", "body"), FORBIDDEN)
def test_who_may_not_is_refused_and_who_may_is_not(
    as_: As, least: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    for role in ROLES:
        status = as_(role).request(method, path, json=body).status_code
        if ROLES.index(role) < ROLES.index(least):
            assert status == 403, role
        else:
            assert status not in (401, 403) and status < 500, role


def test_a_viewer_changes_nothing_but_what_is_theirs(as_: As) -> None:
    """Whatever the schema lists, what will be added to it, too."""
    line = as_("viewer")
    ours = ("/api/v1/uploads", "/api/v1/verifications", "/api/v1/tokens")
    changing = [
        (way, path)
        for path, ways in line.get("/api/v1/openapi.json").json()["paths"].items()
        for way in ways
        if way != "get" and not path.startswith(ours)
    ]
    assert len(changing) > 25
    for way, path in changing:
        where = path.replace("{ident}", "1").replace("{name}", "x")
        content = None if way == "delete" else {}
        assert line.request(way.upper(), where, json=content).status_code == 403, (way, path)


def test_a_viewers_forms_change_nothing_but_what_is_theirs(house: House) -> None:
    viewer = house.people.accept(house.people.invite("viewer", "t"), "Vi", PASSWORD)
    secret, session = house.people.begin(viewer)
    line = TestClient(made(house, rate=Rate(1e6, 1e6)), cookies={COOKIE: secret}, follow_redirects=False)
    paths = [route.path for route in forms.routes if isinstance(route, APIRoute)]
    ours = ("/do/me", "/do/tokens", "/do/verifications", "/sign-", "/welcome")
    changing = [path for path in paths if not path.startswith(ours)]
    assert len(changing) > 25
    for path in changing:
        where = path.replace("{ident}", "1")
        assert line.post(where, data={"csrf": session.csrf}).status_code == 403, path


ADMINS = ("/do/hosts", "/do/factors", "/do/people", "/do/erasures", "/do/copies")
"""What only an admin does, as their forms' addresses begin."""


def test_a_technicians_forms_do_nothing_of_an_admins(house: House) -> None:
    person = house.people.accept(house.people.invite("technician", "t"), "Tom", PASSWORD)
    secret, session = house.people.begin(person)
    line = TestClient(made(house, rate=Rate(1e6, 1e6)), cookies={COOKIE: secret}, follow_redirects=False)
    paths = [route.path for route in forms.routes if isinstance(route, APIRoute)]
    admins = [path for path in paths if path.startswith(ADMINS)]
    assert len(admins) >= 8
    for path in admins:
        answer = line.post(path.replace("{ident}", "1"), data={"csrf": session.csrf})
        assert answer.status_code == 403, path


@pytest.mark.parametrize(("role", "code"), [("viewer", 4403), ("presenter", 4403), ("nobody", 4401)])
def test_who_may_not_has_no_microphone(as_: As, role: str, code: int) -> None:
    line = as_("viewer" if role == "nobody" else role)
    if role == "nobody":
        line.headers.pop("authorization")
    with pytest.raises(WebSocketDisconnect) as left, line.websocket_connect("/api/v1/shows/1/mic.ws"):
        pass
    assert left.value.code == code


def test_a_microphone_without_a_show_is_refused_in_words(as_: As) -> None:
    with as_("technician").websocket_connect("/api/v1/shows/7/mic.ws") as line:
        assert line.receive_json()["error"] == "There is no show 7."


def test_nobody_is_let_in_without_a_token(house: House) -> None:
    line = TestClient(made(house, rate=Rate(1e6, 1e6)))
    schema = line.get("/api/v1/openapi.json").json()
    for path, ways in schema["paths"].items():
        for way in ways:
            where = (
                path.replace("{ident}", "1")
                .replace("{name}", "x")
                .replace("{file}", "clip")
                .replace("{show_id}", "x")
            )
            answer = line.request(way.upper(), where, headers={"authorization": "Bearer avs_wrong"})
            assert answer.status_code in (401, 422), (way, path)


@pytest.fixture
def browser(house: House) -> TestClient:
    """A browser in which an admin has signed in."""
    house.people.accept(house.people.invite("admin", "t"), "Ada", PASSWORD)
    line = TestClient(made(house, rate=Rate(1e6, 1e6)), follow_redirects=False)
    assert line.post("/sign-in", data={"name": "Ada", "password": PASSWORD}).status_code == 303
    return line


def csrf(line: TestClient) -> str:
    return line.get("/settings").text.partition('data-csrf="')[2].partition('"')[0]


def test_a_form_without_the_sessions_word_is_refused(browser: TestClient) -> None:
    word = csrf(browser)
    assert browser.post("/do/scripts", data={"name": "a"}).status_code == 403
    assert browser.post("/do/scripts", data={"name": "a", "csrf": "x" * 32}).status_code == 403
    assert (
        browser.post("/do/scripts", data={"name": "a", "csrf": word}).headers["hx-redirect"] == "/scripts/1"
    )
    assert browser.post("/do/scripts", data={"name": "b"}, headers={"x-csrf": word}).status_code == 200
    assert browser.post("/api/v1/scripts", json={"name": "c", "text": NEW}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_another_sites_page_does_nothing(browser: TestClient, headers: dict[str, str]) -> None:
    answer = browser.post("/do/scripts", data={"name": "a", "csrf": csrf(browser)}, headers=headers)
    assert answer.status_code == 403
    assert (
        browser.post("/sign-in", data={"name": "Ada", "password": PASSWORD}, headers=headers).status_code
        == 403
    )


def test_the_cookie_is_for_no_script_and_no_other_site(browser: TestClient, house: House) -> None:
    answer = browser.post("/sign-in", data={"name": "Ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=") and "httponly" in cookie and "samesite=strict" in cookie
    safe = TestClient(made(house, secure=True), base_url="https://testserver", follow_redirects=False)
    cookie = safe.post("/sign-in", data={"name": "Ada", "password": PASSWORD}).headers["set-cookie"]
    assert cookie.startswith("__Host-") and "Secure" in cookie


def test_pages_have_their_headers_and_no_script_in_them(browser: TestClient) -> None:
    for path in (
        "/",
        "/clones",
        "/scripts",
        "/rehearse",
        "/on-air",
        "/figures",
        "/settings",
        "/audit",
        "/record",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert (
            answer.headers["x-frame-options"] == "DENY"
            and answer.headers["x-content-type-options"] == "nosniff"
        )
        assert "<script>" not in answer.text and "style=" not in answer.text and "onclick" not in answer.text
        assert "://" not in answer.text.replace("rtmps://a.rtmps.youtube.com", "").replace("xmlns", ""), (
            "no CDN"
        )


def test_a_past_show_is_listed_with_its_end_its_viewers_and_what_it_cost(browser: TestClient) -> None:
    made_ = folder.new("marie")
    made_.tell(
        {"show": made_.show, "state": "ended", "began": "2027-01-05T20:00:00+00:00", "script": "friday.md"}
    )
    cost = asdict(Cost(12.34, 60.0, measured=False, how="an estimate", money=1.5, per_hour=2.0))
    status = {"on_air": 3600.0, "audience": {"viewers": 1240.0, "all_sales": 7.0}}
    Series(made_.series).add({"show": made_.show, "status": status, "cost": cost})
    page = browser.get("/figures").text
    for shown in ("friday.md", "ended as it should", "1:00:00", "1240", "12.3 Wh", "1.50", ">7<"):
        assert shown in page, shown


def test_the_first_page_is_small(browser: TestClient) -> None:
    page = browser.get("/")
    parts = [part.partition('"')[0] for part in page.text.split('"/static/')[1:]]
    whole = len(page.content) + sum(len(browser.get(f"/static/{part}").content) for part in set(parts))
    assert whole < 300_000 and "mpegts" not in page.text
    assert "immutable" in browser.get(f"/static/{parts[0]}").headers["cache-control"]


def test_a_name_that_is_not_the_studios_is_not_served(house: House) -> None:
    line = TestClient(made(house, ["127.0.0.1"]))
    assert line.get("/sign-in", headers={"host": "evil.example"}).status_code == 421
    assert line.get("/sign-in", headers={"host": "127.0.0.1:8080"}).status_code == 200


def test_who_guesses_passwords_is_held_back(house: House) -> None:
    house.people.accept(house.people.invite("admin", "t"), "Grace", PASSWORD)
    line = TestClient(made(house), client=("192.0.2.1", 1))
    said = [
        line.post("/sign-in", data={"name": "Grace", "password": f"guess {n}"}).status_code for n in range(12)
    ]
    assert said[0] == 401 and said[-1] == 429
    assert line.post("/sign-in", data={"name": "Grace", "password": PASSWORD}).status_code == 429


def test_too_many_requests_and_too_large_ones_are_refused(house: House) -> None:
    line = TestClient(made(house, rate=Rate(0.001, 5)))
    assert [line.get("/sign-in").status_code for _ in range(7)].count(429) == 2
    line = TestClient(made(house))
    assert line.post("/sign-in", content=b"x" * (MOST_BODY + 1)).status_code == 413


def test_two_technicians_write_and_only_one_wins(as_: As, house: House) -> None:
    one = as_("technician")
    ident = one.post("/api/v1/scripts", json={"name": "Friday", "text": NEW}).json()["id"]
    other = house.people.accept(house.people.invite("technician", "t"), "Bob", PASSWORD)
    two = TestClient(one.app, headers={"authorization": f"Bearer {house.people.new_token(other, 't')}"})
    assert one.put(f"/api/v1/scripts/{ident}", json={"text": "Hello.", "version": 1}).json()["version"] == 2
    late = two.put(f"/api/v1/scripts/{ident}", json={"text": "Hi.", "version": 1})
    assert late.status_code == 409 and "technician one" in late.json()["error"]
    assert two.get(f"/api/v1/scripts/{ident}").json()["text"] == "Hello."


def test_no_key_comes_out_and_all_that_is_done_is_written_down(as_: As, house: House, tmp_path: Path) -> None:
    line = as_("admin")
    key = "a-very-secret-key"
    said = line.post(
        "/api/v1/outputs", json={"name": "YT", "address": "rtmps://a.rtmps.youtube.com/live2", "key": key}
    )
    assert said.status_code == 201
    told = said.text + line.get("/api/v1/outputs").text + line.get("/api/v1/audit").text
    assert key not in told
    until(lambda: any(one["event"] == "output added" for one in past.entries(house.audit_log)))
    assert past.audited(house.audit_log)[0]
    assert key.encode() not in house.audit_log.read_bytes()


def test_a_token_makes_no_token(as_: As) -> None:
    assert as_("admin").post("/api/v1/tokens", json={"name": "more"}).status_code == 403


def test_reports_run_no_script(as_: As, house: House, plain_clip: Path) -> None:
    ident = clone_of(house, plain_clip)
    answer = as_("viewer").get(f"/api/v1/clones/{ident}/report.html")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox") and "script-src" not in policy
    assert as_("presenter").get(f"/api/v1/clones/{ident}/avatar").status_code == 200


SKIPPED = "/events$"
"""What does not end."""

LAST = ("/erasures", "/people")
"""Parts of paths that may take the asker's own rights away: they are asked when all else was."""


def test_everything_that_the_schema_allows_gets_an_answer(as_: As) -> None:
    line = as_("admin")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", line.app).exclude(path_regex=SKIPPED)
    operations = [found.ok() for found in schema.get_all_operations()]
    operations.sort(key=lambda one: any(part in one.path for part in LAST))
    assert len(operations) > 60 and any(part in operations[-1].path for part in LAST)
    for operation in operations:

        @settings(
            max_examples=5,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(case=operation.as_strategy())
        def asked(case: schemathesis.Case) -> None:
            answer = case.call(headers={"authorization": line.headers["authorization"]})
            assert answer.status_code < 500, f"{case.method} {case.path}: {answer.status_code}"

        asked()
