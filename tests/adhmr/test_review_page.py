"""The review page in a real browser, with clicks and keys."""

import csv
import shutil

import pytest

from adhmr.review.build import page as review_page

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)")


def page_of(count: int) -> str:
    """A page of made-up labels: label i is wrong with probability i / count; every hundredth cannot be judged."""
    strange = '<b>"x", y</b>'
    columns = {
        "key": [f"label-{i}{strange if i == 3 else ''}" for i in range(count)],
        "value": [None if i % 100 == 50 else i / count for i in range(count)],
        "error": [None if i % 100 == 50 else 50 + 100 * i / count for i in range(count)],
        "gross": [None if i % 100 == 50 else i / count for i in range(count)],
        "worst": ["left wrist"] * count,
        "keep": [int(i / count <= 0.5 and i % 100 != 50) for i in range(count)],
        "fixed": [int(i % 100 == 50) for i in range(count)],
        "reason": ["kept" if i / count <= 0.5 else "grossly wrong" for i in range(count)],
        "kind": ["cannot be judged" if i % 100 == 50 else "left arm" for i in range(count)],
        "tag": ["sitting" if i % 2 else "" for i in range(count)],
        "pictures": {"7": "data:image/gif;base64,R0lGODlhAQABAAAAACw="},
        "measure": "probability of a gross error", "unit": "", "higher": False, "threshold": 0.5,
        "option": "max_gross_probability", "rule": "--max_gross_probability 0.5", "data": f"labels-{count}.npz",
    }  # fmt: skip
    return review_page(columns)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, tmp_path, request):
    count = getattr(request, "param", 1000)
    (tmp_path / "review.html").write_text(page_of(count), encoding="utf-8")
    page = browser.new_context(accept_downloads=True).new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"file://{tmp_path / 'review.html'}")
    yield page
    assert errors == []
    page.context.close()


def counted(page, name: str) -> str:
    return page.locator(f"#{name}").inner_text()


def test_the_slider_recounts_at_once_and_goes_back(page):
    assert counted(page, "kept") == "496"  # 0 to 500, but for five that cannot be judged
    page.locator("#slide").fill("0")
    assert counted(page, "kept") == "0"
    page.locator("#slide").fill("1000")
    assert counted(page, "kept") == "990"
    assert "--max_gross_probability 0.999" in counted(page, "command")
    page.locator("#back").click()
    assert counted(page, "kept") == "496"
    assert "--max_gross_probability 0.5" in counted(page, "command")


def test_filters_and_what_is_written_is_text(page):
    page.locator("#kind").select_option("cannot be judged")
    assert counted(page, "count") == "10 of 1,000"
    page.locator("#kind").select_option("")
    page.locator("#verdict").select_option("0")
    page.locator("#tag").select_option("sitting")
    assert counted(page, "count") == "250 of 1,000"
    page.locator("#verdict").select_option("")
    page.locator("#tag").select_option("")
    page.locator("#order").select_option("file")
    assert page.locator(".row").nth(3).locator("span").nth(1).inner_text() == 'label-3<b>"x", y</b>'


def test_keys_decide_and_the_download_is_what_clean_takes_back(page, tmp_path):
    from data_cleaning.decisions import read_decisions

    page.locator("#order").select_option("file")
    page.locator(".row").nth(2).click()
    page.keyboard.press("d")  # label 2
    page.keyboard.press("d")  # label 3, whose key holds a comma and quotes
    page.keyboard.press("ArrowDown")  # past label 4
    page.keyboard.press("k")  # label 5
    page.keyboard.press("d")  # label 6
    page.keyboard.press("u")  # not label 6
    assert counted(page, "byhand") == "3"
    assert counted(page, "kept") == "494"
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "decisions.csv")
    assert read_decisions(tmp_path / "decisions.csv") == {
        "label-2": False, 'label-3<b>"x", y</b>': False, "label-5": True,
    }  # fmt: skip
    with (tmp_path / "decisions.csv").open(newline="") as stream:
        assert next(csv.reader(stream)) == ["key", "keep"]
    page.reload()
    assert counted(page, "byhand") == "3"  # they survive a reload
    page.locator("#verdict").select_option("mine")
    assert counted(page, "count") == "3 of 1,000"


def test_letters_decide_while_a_filter_or_the_slider_has_the_focus(page):
    page.locator("#verdict").select_option("0")
    page.locator("#verdict").focus()
    page.keyboard.press("k")
    page.locator("#slide").focus()
    page.keyboard.press("k")
    assert counted(page, "byhand") == "2"
    assert page.locator("#verdict").input_value() == "0"
    before = page.locator("#slide").input_value()
    page.keyboard.press("ArrowRight")  # arrows stay the slider's
    assert page.locator("#slide").input_value() != before
    assert counted(page, "byhand") == "2"


def test_a_picture_leads_to_its_label(page):
    page.locator("figure").first.click()
    assert "label-7" in counted(page, "side")
    page.get_by_role("button", name="Drop", exact=True).click()
    assert "dropped" in (page.locator("figure").first.get_attribute("class") or "")


@pytest.mark.parametrize("page", [10_000], indirect=True)
def test_ten_thousand_rows_stay_a_few(page):
    """Only the rows that can be seen exist, so what a key or the slider costs does not grow with the set."""
    assert page.locator(".row").count() < 40
    page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    page.wait_for_function("document.querySelectorAll('.row').length > 5")
    assert page.locator(".row").count() < 40
    assert counted(page, "count") == "10,000 of 10,000"
