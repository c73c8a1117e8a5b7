"""The page when the server is away, slow or wrong, when it wants a token, and when messages carry markup."""

import json

import pytest

from harness.waybill import Waybill
from harness.wait import wait_until

VIEWER, OPERATOR = "viewer-0123456789abcdef", "operator-0123456789abcdef"


@pytest.fixture
def lone(binary, tmp_path):
    """lone(config) starts a server that reaches no broker: the page must be of use all the same."""
    made = []

    def start(config=None):
        made.append(Waybill(binary, tmp_path / f"lone-{len(made)}", "127.0.0.1:9", "waybill-reports", config=config))
        made[-1].start(ready=False)
        wait_until(lambda: made[-1].status("/healthz") == 200, 20, "alive")
        return made[-1]
    yield start
    for one in made:
        one.close()


def secured(tmp_path):
    tokens = []
    for role, token in (("viewer", VIEWER), ("operator", OPERATOR)):
        (tmp_path / role).write_text(token + "\n")
        tokens.append({"role": role, "token_file": str(tmp_path / role)})
    return {"auth": {"tokens": tokens}}


def forgive(tab, *texts):
    """Errors that the test itself has made."""
    tab.errors[:] = [error for error in tab.errors if not any(text in error for text in texts)]


def test_an_empty_server_says_what_to_do_next(lone, tab, pictures):
    one = tab(lone().url)
    page = one.open()
    page.get_by_text("Nothing has been counted yet").wait_for()
    assert "plugin.library.paths=libwaybill_rdkafka" in page.locator("main").inner_text()
    page.screenshot(path=pictures / "empty.png", full_page=True)
    assert one.axe() == []


def test_a_token_opens_the_page_and_stays_out_of_reach_of_scripts(lone, tab, tmp_path):
    server = lone(secured(tmp_path))
    one = tab(server.url)
    page = one.open()
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("not one of the server").wait_for()
    assert one.axe() == []
    page.get_by_label("Token").fill(VIEWER)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Nothing has been counted yet").wait_for()
    page.get_by_text("Live", exact=True).wait_for()
    assert page.evaluate("document.cookie") == "" and VIEWER not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    cookie = next(c for c in one.context.cookies(server.url + "/api/v1/topics") if c["name"] == "waybill_token")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    page.get_by_role("button", name="Log out (viewer)").click()
    page.get_by_label("Token").wait_for()
    forgive(one, "401")


def test_the_page_recovers_by_itself_when_the_server_comes_back(lone, tab):
    server = lone()
    one = tab(server.url)
    page = one.open()
    page.get_by_text("Live", exact=True).wait_for()
    server.stop()
    page.get_by_text("Server not reached").wait_for()
    server.start(ready=False)
    page.get_by_text("Live", exact=True).wait_for(timeout=25_000)
    page.get_by_text("Not current").first.wait_for(state="detached")
    forgive(one, "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")


@pytest.mark.parametrize("answer, says", [
    ({"status": 500, "body": '{"detail":"the disk <b>burns</b>"}'}, "the disk <b>burns</b>"),
    ({"status": 200, "body": '{"topics_total": 1, "top', "content_type": "application/json"}, "cut off"),
    ({"status": 503, "body": ""}, "503"),
    (None, "does not answer")])
def test_a_failing_answer_shows_as_such_and_is_asked_for_again(demo, tab, answer, says):
    one = tab(demo.url)
    broken = [True]

    def respond(route):
        if not broken[0]:
            route.continue_()
        elif answer is None:
            route.abort()
        else:
            route.fulfill(**answer)
    one.page.route("**/api/v1/overview**", respond)
    page = one.open()
    problem = page.locator(".problem").first
    problem.wait_for()
    assert says in problem.inner_text()
    broken[0] = False
    page.wait_for_selector(".verdict")
    forgive(one, "Failed to load resource")


def test_a_slow_answer_shows_as_loading_and_what_was_shown_stays_meanwhile(demo, tab):
    one = tab(demo.url)
    holding, held = [True], []
    one.page.route("**/api/v1/overview**", lambda route: held.append(route) if holding[0] else route.continue_())
    page = one.open()
    page.locator("main .loading").first.wait_for()
    page.locator("nav").get_by_role("link", name="Findings").wait_for()
    holding[0] = False
    for route in held:
        route.continue_()
    page.wait_for_selector("a.node")
    holding[0], before = True, len(held)
    wait_until(lambda: page.wait_for_timeout(50) or len(held) > before, 10, "it asks again, as counts move")
    assert page.locator("a.node").count() > 0 and page.locator("main .loading").count() == 0


def test_markup_in_names_is_text(demo, tab):
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    one = tab(demo.url)

    def rename(route):
        answer = route.fetch()
        body = json.loads(answer.text())
        for topic in body["topics"]:
            topic["name"] = evil
            topic["groups"] = [dict(group, name=evil) for group in topic["groups"]]
        route.fulfill(response=answer, body=json.dumps(body))
    one.page.route("**/api/v1/overview**", rename)
    page = one.open()
    page.locator("a.node", has_text="<script>alert(2)</script>").first.wait_for()
    assert page.locator("main img, main script").count() == 0


def test_the_page_works_below_a_path_prefix(demo, tab):
    """As a proxy does it: /tools/waybill/ in front of everything."""
    one = tab(demo.url)
    prefix = "/tools/waybill/"

    def forward(route):
        path = route.request.url.split(prefix, 1)
        assert len(path) == 2, route.request.url
        if path[1].startswith("api/v1/live"):
            route.abort()  # a stream cannot be forwarded here; the page falls back to asking
        else:
            route.fulfill(response=route.fetch(url=demo.url + "/" + path[1]))
    one.page.route("**/*", forward)
    page = one.page
    page.goto(demo.url + prefix)
    page.wait_for_selector("a.node")
    page.locator("nav").get_by_role("link", name="Findings").click()
    page.wait_for_selector("main h1")
    forgive(one, "Failed to load resource")
