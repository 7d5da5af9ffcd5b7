"""Where the parts of the report lie: measured in headless Chromium at three widths, light and dark."""

import pytest
from chromium import CHROMIUM
from measured import MEASURE, WIDTHS, show
from paged import page_of_rows

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module", params=[25, 3])
def page(request, browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page_of_rows(request.param), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("window.report.ready", timeout=60_000)
    page.rows = request.param
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_part_is_cut_or_lies_on_another(page, width, theme):
    show(page, width, theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(MEASURE) == []


def test_the_measurement_finds_what_is_wrong(page):
    show(page, 1280, "light")
    page.evaluate(
        """() => { const style = document.createElement('style'); style.id = 'wrong';
        style.textContent = '#plots h2 { margin-top: -60px } .wide { overflow-x: hidden } ' +
          '#board { width: 3000px } h1 { position: relative; left: 3000px }';
        document.head.append(style); }"""
    )
    found = " ".join(page.evaluate(MEASURE))
    page.evaluate("document.getElementById('wrong').remove()")
    for problem in ("parts overlap", "cut table", "outside the window"):
        assert problem in found


@pytest.mark.parametrize("width", WIDTHS)
def test_the_reason_of_a_row_that_was_not_run_is_within_reach(page, width):
    show(page, width, "light")
    reasons = page.locator("#board td.status", has_text="set TORCH_HOME or pass --weights FILE")
    assert reasons.count() == page.rows // 5
    if page.rows >= 5:
        reasons.first.scroll_into_view_if_needed()
        box = reasons.first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_the_best_row_of_each_kind_is_in_colour_and_named_and_the_others_are_grey(page):
    show(page, 1280, "light")
    page.select_option("#front", "-1")
    colours = page.evaluate("document.getElementById('plot-roc').data.map(t => t.line.color)")
    named = page.locator("#key li").all_inner_texts()
    in_colour = [colour for colour in colours if colour != "#9aa0a6"]
    assert len(in_colour) == len(set(in_colour)) == len(named) <= 4
    assert len({text.split(":")[0] for text in named}) == len(named)
    page.select_option("#front", "-2")
    page.wait_for_function("document.querySelectorAll('#key li').length === "
                           "document.getElementById('plot-roc').data.length")  # fmt: skip
    every = page.evaluate("document.getElementById('plot-roc').data.map(t => t.line.color)")
    assert len(set(every)) == len(every)
    page.select_option("#front", "-1")


def test_the_menu_of_costs_is_made_of_the_columns(page):
    options = page.locator("#cost option").all_inner_texts()
    assert len(options) > 1 and set(options) <= set(page.locator("#board th").all_inner_texts())
    for value in page.eval_on_selector_all("#cost option", "options => options.map(o => o.value)"):
        page.select_option("#cost", value)
        assert page.evaluate("document.getElementById('plot-pareto').data[0].x.length") > 0


def test_the_explorer_opens_on_the_features_of_the_best_row_that_has_them(page):
    assert page.input_value("#set") == "resnet18_fbp_2, fine-tuned"
    best = page.locator("#board tbody tr").first.locator("td").first.inner_text()
    assert page.locator("#model option:checked").inner_text().startswith(best)


def test_rows_without_a_figure_are_last_whichever_way_the_table_is_sorted(page):
    for _ in range(2):
        page.get_by_role("button", name="Accuracy", exact=True).click()
        status = page.locator("#board tbody tr td.status").all_inner_texts()
        missing = [index for index, text in enumerate(status) if text.startswith("not run")]
        assert missing == list(range(len(status) - page.rows // 5, len(status)))


def test_headings_of_published_figures_are_the_titles_of_columns(page):
    assert page.locator("#leaderboard details th").all_inner_texts() == ["Model", "ROC AUC", "Accuracy"]


def test_a_run_without_projections_leaves_no_blank_area(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page_of_rows(3, projections=False), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function("window.report.ready", timeout=60_000)
    assert page.locator("#explorer").bounding_box()["height"] < 150
    assert page.evaluate(MEASURE) == []
