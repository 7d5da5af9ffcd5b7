"""The report as a person uses it, in headless Chromium."""

import pytest
from chromium import CHROMIUM
from paged import page_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page made of ids, in a window of a width and a theme; console errors fail the test."""
    errors = []

    def go(ids, width=1300, theme="light", **options):
        path = tmp_path / "report.html"
        path.write_text(page_of(ids, **options), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(f"dialog {dialog.message}"))
        page.goto(path.as_uri())
        page.wait_for_function("window.report.ready", timeout=60_000)
        assert page.locator(".no-webgl").count() == 0
        return page

    yield go
    assert errors == []


IDS = ["<script>alert(1)</script>.png", "x<img src=y onerror=alert(2)>"] + [f"i{n:03d}" for n in range(300)]


def test_the_table_sorts_and_filters(opened):
    page = opened(IDS)
    column = "[...document.querySelectorAll('#board tbody tr')].map(r => r.cells[0].textContent)"
    assert page.evaluate(column)[0] in ("LDA", "Mean of all rows")
    page.get_by_role("button", name="Model", exact=True).click()
    names = page.evaluate(column)
    assert names == sorted(names, key=str.lower) and len(names) == 3
    page.get_by_role("button", name="Model", exact=True).press("Enter")
    assert page.evaluate(column) == names[::-1]
    page.fill("#filter", "svm")
    assert page.evaluate(column) == ["<i>SVM</i>"]
    assert page.inner_text("#shown") == "1 of 3 rows"


def test_a_row_comes_to_the_front_of_every_plot(opened):
    page = opened(IDS)
    page.locator("#board tbody tr").nth(1).focus()
    page.keyboard.press("Enter")
    faded = "document.getElementById('plot-{}').data.filter(t => t.opacity < 0.5).length"
    page.wait_for_function(faded.format("roc") + " === 2")
    assert page.evaluate(faded.format("oe")) == page.evaluate(faded.format("pr")) == 2


def test_hover_shows_a_thumbnail_and_the_lasso_lists_images(opened):
    page = opened(IDS)
    page.locator("#plot-explorer").scroll_into_view_if_needed()
    at = page.evaluate(
        """() => { const e = document.getElementById('plot-explorer'), l = e._fullLayout, t = e.data[0],
        b = e.getBoundingClientRect();
        return [b.left + l.xaxis._offset + l.xaxis.l2p(t.x[5]), b.top + l.yaxis._offset + l.yaxis.l2p(t.y[5]),
        b.left + l.xaxis._offset, b.top + l.yaxis._offset, l.xaxis._length, l.yaxis._length]; }"""
    )
    x, y, left, top, width, height = at
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.wait_for_selector("#card .thumb", timeout=10_000)
    assert page.eval_on_selector("#card .thumb", "e => e.style.backgroundImage").startswith(
        'url("data:image/jpeg'
    )
    corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.03)]
    path = [(left + a * width, top + b * height) for a, b in corners]
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()
    page.wait_for_function("window.report.selected.length > 250")
    assert "images in the lasso" in page.inner_text("#chosen")
    assert page.locator("#images li").count() > 250


def test_images_are_found_by_id_and_names_stay_text(opened):
    page = opened(IDS)
    page.fill("#find", "<script")
    page.wait_for_function("window.report.selected.length === 1")
    assert IDS[0] in page.inner_text("#card")
    page.fill("#find", "onerror")
    assert IDS[1] in page.inner_text("#card")
    page.select_option("#colour", "label")
    page.select_option("#colour", "rank")
    page.select_option("#colour", "outcome")
    page.click("#errors")
    assert page.evaluate("window.report.selected.length") > 0


def test_suspect_labels_are_listed_with_every_opinion(opened):
    page = opened(IDS)
    cells = page.locator("#suspects tbody tr").first.locator("td").all_inner_texts()
    assert cells[1:] == ["1", IDS[0], "good", "0.90", "0.10", "0.20", "0.30"]
    assert page.locator("#suspects tbody tr").first.locator("td").first.locator(":scope > *").count() == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_breaks_out_of_a_narrow_window(opened, theme):
    page = opened(IDS, width=400, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (theme == "light")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != back


def test_forty_thousand_points_draw(opened):
    page = opened([f"image-{n:05d}" for n in range(40_000)], n_sets=2)
    drawn = page.evaluate("document.getElementById('plot-explorer').data.reduce((n, t) => n + t.x.length, 0)")
    assert drawn == 40_000
    page.select_option("#projection", "PCA")
    page.wait_for_timeout(500)
    # Generous, for a slow machine without a GPU; what is measured here is under 3 s.
    assert page.evaluate("window.report.drawMs") < 20_000
