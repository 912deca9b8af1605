"""The exported page in a real browser: it draws, its controls change the picture, and names of files are text."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from adhmr.view.build import page as view_page
from adhmr.view.pack import page_data

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(comparison, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "view.html"
    out.write_text(view_page(page_data(comparison, 5)), encoding="utf-8")
    return out


@pytest.fixture
def page(browser, file, request):
    width, height = getattr(request, "param", (800, 520))
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    problems, asked = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url) if not request.url.startswith("data:") else None)
    page.goto(f"file://{file}")
    page.wait_for_function("document.title.includes('two people.jpg')")
    yield page
    assert problems == []
    assert asked == [f"file://{file}".replace(" ", "%20")]
    page.context.close()


def drawn(page) -> np.ndarray:
    """(h, w, 3) what the canvas shows once it has been drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.asarray(Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB")).astype(int)


def differs(a: np.ndarray, b: np.ndarray) -> float:
    """Share of pixels that changed."""
    return float((np.abs(a - b).max(-1) > 12).mean())


def test_bodies_are_drawn_and_the_slider_changes_them(page):
    best = drawn(page)
    assert len(np.unique(best.reshape(-1, 3), axis=0)) > 500
    assert page.locator("#at").inner_text() == "1 of 4"
    page.locator("#rank").fill("4")
    assert page.locator("#at").inner_text() == "4 of 4"
    assert differs(best, drawn(page)) > 0.01
    for _ in range(3):
        page.keyboard.press("[")
    assert page.locator("#at").inner_text() == "1 of 4"
    assert differs(best, drawn(page)) < 0.001


def test_every_control_is_seen(page):
    before = drawn(page)
    for name, checked in (("all", True), ("faint", False), ("sure", True), ("picture", False)):
        page.locator(f"#{name}").set_checked(checked)
        assert differs(before, drawn(page)) > 0.005, name
        page.locator(f"#{name}").set_checked(not checked)
    for name in ("side", "top"):
        page.locator(f"#{name}").click()
        assert differs(before, drawn(page)) > 0.05, name
    page.locator("#front").click()
    assert differs(before, drawn(page)) < 0.001


def test_keys_turn_and_zoom(page):
    before = drawn(page)
    page.locator("#canvas").focus()
    for key in ("ArrowLeft", "ArrowUp", "+", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        now = drawn(page)
        assert differs(before, now) > 0.02, key
        before = now
    page.keyboard.press("0")
    assert differs(before, drawn(page)) > 0.02


def test_a_person_has_a_table_of_joints_for_both_runs(page):
    page.locator("#person").select_option("two people-00")
    rows = page.locator("#spread tr")
    assert rows.first.inner_text().split() == ["base", "aligned"]
    assert rows.count() == 1 + 6
    page.locator("#more").click()
    assert rows.count() == 1 + 24
    assert page.locator("#now tr").count() == 1 + 2


def test_a_hostile_name_is_text(page, comparison):
    name = comparison.names[1]
    page.locator("#next").click()
    assert page.locator("#title").inner_text() == name
    assert "nobody in this photograph" in page.locator("#labels").inner_text()
    assert page.evaluate("typeof ran") == "undefined"
    assert page.evaluate("document.images.length") == 0
    assert page.title().startswith(name)
    assert differs(drawn(page), np.zeros(3, int)) > 0.5


@pytest.mark.parametrize("page", [(390, 844), (1280, 800)], indirect=True)
def test_nothing_is_wider_than_the_screen(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator("#canvas").bounding_box()
    assert box["width"] > 300
    assert box["height"] > 300
    assert len(np.unique(drawn(page).reshape(-1, 3), axis=0)) > 500


def test_from_the_camera_a_true_body_covers_the_person_in_the_photograph(browser, tmp_path):
    """The person is drawn in red, the body that is laid over it is not: what is red still is what was missed."""
    from run_folder import MadeUp, make_run

    from adhmr.cli import main

    made = MadeUp(people=1, candidates=1, sigma=0.0, size_wh=(480, 320))
    run = make_run(tmp_path / "run", tmp_path / "images", ["a.png"], made)
    assert main(["view", str(run), "--export", str(tmp_path / "view.html")]) == 0
    page = browser.new_context(viewport={"width": 800, "height": 520}).new_page()
    page.goto(f"file://{tmp_path / 'view.html'}")
    page.wait_for_function("drawer.texture !== null")

    def red_share() -> float:
        seen = drawn(page)
        return float((seen[..., 0] > seen[..., 1] + 40).mean())

    covered = red_share()
    page.locator("#canvas").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    assert covered < 0.002
    assert red_share() > 0.01
    page.context.close()


def test_a_browser_that_cannot_draw_is_told_so(browser, file):
    page = browser.new_context().new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(f"file://{file}")
    assert "no WebGL 2" in page.locator("#problem").inner_text()
    page.context.close()
