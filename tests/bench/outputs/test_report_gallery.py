"""The gallery of heat maps as a person uses it, in headless Chromium."""

import pytest
from chromium import CHROMIUM
from looked import looked_page
from measured import MEASURE, WIDTHS, show

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

OUTCOMES = {"hit", "escape", "overkill", "correct"}
#: Tiles that overlap, and texts and pictures that leave their tile or figure.
TILES = """() => {
  const found = [], box = (e) => e.getBoundingClientRect();
  for (const selector of ['.tile', '.compare figure']) {
    const all = [...document.querySelectorAll(selector)];
    all.forEach((one, i) => {
      const a = box(one);
      for (const other of all.slice(i + 1)) {
        const b = box(other);
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) found.push(`overlap ${i}`);
      }
      for (const part of one.querySelectorAll('span, strong, .shot, canvas, .box')) {
        if (getComputedStyle(part).display === 'none') continue;
        const b = box(part);
        if (b.left < a.left - 1 || b.right > a.right + 1 || b.bottom > a.bottom + 1 || b.top < a.top - 1 ||
            part.scrollWidth > part.clientWidth + 1 && part.matches('span, strong'))
          found.push(`outside ${i}: ${part.className} ${part.textContent}`);
      }
    });
  }
  return found;
}"""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A page of three models on forty images; console errors fail the module."""
    path = tmp_path_factory.mktemp("gallery") / "report.html"
    path.write_text(looked_page(), encoding="utf-8")
    page, errors = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_function("window.report.ready", timeout=120_000)
    yield page
    assert errors == []


@pytest.fixture
def fresh(page):
    """The page with its controls as they are at first."""
    for name, value in (("model", "0"), ("class", ""), ("outcome", ""), ("sign", "1"), ("scale", "map")):
        page.select_option(f"#look-{name}", value)
    page.locator("#look-boxes").set_checked(True)
    return page


def words(page):
    """The line of each tile that says outcome and class."""
    return page.locator(".tile .said").all_inner_texts()


def ids(page):
    return page.locator(".tile > span:not(.said)").all_inner_texts()


def selected(page):
    return page.locator('.tile[aria-selected="true"] > span:not(.said)').all_inner_texts()


def heat(page, selector):
    """Red, green, blue and opacity of the corners of a map: top left, bottom right."""
    return page.locator(selector).first.evaluate(
        """c => [[0, 0], [c.width - 1, c.height - 1]].map(([x, y]) =>
        [...c.getContext('2d').getImageData(x, y, 1, 1).data])"""
    )


def test_the_outcome_and_the_class_filter_the_tiles(fresh):
    every = words(fresh)
    assert len(every) == 40 and {word.split(",")[0].strip() for word in every} == OUTCOMES
    counted = 0
    for outcome in sorted(OUTCOMES):
        fresh.select_option("#look-outcome", outcome)
        found = words(fresh)
        assert found and all(word.strip().startswith(outcome) for word in found)
        assert fresh.inner_text("#look-count").startswith(f"{len(found)} of {len(found)} such test image")
        counted += len(found)
    assert counted == 40
    fresh.select_option("#look-outcome", "escape")
    escapes = words(fresh)
    fresh.select_option("#look-class", label="裂纹")
    assert words(fresh) == [word for word in escapes if word.endswith("裂纹")]
    fresh.select_option("#look-class", label="good")
    assert words(fresh) == [] and fresh.locator("#look-empty").is_visible()
    assert not fresh.locator("#look-tiles").is_visible() and fresh.locator(".compare figure").count() == 0


def test_the_model_decides_the_outcome_and_the_map(fresh):
    models = fresh.locator("#look-model option").all_inner_texts()
    assert len(models) == 3 and "裂纹检测网络 with a long name <i> · crop10 (grad_cam)" in models
    seen = []
    for number in range(3):
        fresh.select_option("#look-model", str(number))
        seen.append(sorted(zip(ids(fresh), words(fresh), strict=True)))
        assert fresh.locator(".tile .frame").count() == (40 if "crop10" in models[number] else 0)
    assert seen[0] != seen[1] != seen[2]


def test_models_stand_side_by_side_on_the_image_chosen(fresh):
    fresh.locator(".tile").nth(5).click()
    chosen = ids(fresh)[5]
    assert selected(fresh) == [chosen] and fresh.inner_text("#look-title").startswith(chosen)
    captions = fresh.locator(".compare figcaption strong").all_inner_texts()
    assert captions == ["image", *fresh.locator("#look-model option").all_inner_texts()]
    for said in fresh.locator(".compare .said").all_inner_texts()[:3]:
        assert "score" in said and "threshold" in said
    fresh.locator("#look-models summary").click()
    fresh.locator("#look-models input").nth(1).uncheck()
    assert fresh.locator(".compare figcaption strong").all_inner_texts() == [captions[i] for i in (0, 1, 3)]
    assert "2 of 3" in fresh.inner_text("#look-chosen")
    fresh.locator("#look-models input").nth(1).check()
    fresh.locator("#look-models summary").click()
    # The image chosen stays while it passes the filter.
    fresh.select_option("#look-model", "2")
    assert selected(fresh) == [chosen]


def test_the_slider_sets_the_opacity_of_every_map(fresh):
    slider = fresh.locator("#look-opacity")
    opacities = """[...new Set([...document.querySelectorAll('#gallery canvas')]
        .map(c => getComputedStyle(c).opacity))]"""
    for value, key in (("0", "Home"), ("1", "End"), ("0.95", "ArrowLeft")):
        slider.focus()
        fresh.keyboard.press(key)
        assert fresh.evaluate(opacities) == [value]
        assert fresh.inner_text("#look-percent") == f"{float(value):.0%}"


def test_boxes_are_switched_on_and_off(fresh):
    fresh.select_option("#look-outcome", "hit")
    boxes = fresh.locator("#gallery .box")
    assert boxes.count() and all(box.is_visible() for box in boxes.all()[:3])
    shot, box = fresh.locator(".tile .shot").first.bounding_box(), boxes.first.bounding_box()
    # The box covers the first 20 of 80 x 60 pixels.
    assert box["width"] / shot["width"] == pytest.approx(0.25, abs=0.02)
    assert box["height"] / shot["height"] == pytest.approx(1 / 3, abs=0.02)
    assert shot["width"] / shot["height"] == pytest.approx(80 / 60, abs=0.02)
    fresh.locator("#look-boxes").focus()
    fresh.keyboard.press("Space")
    assert not any(box.is_visible() for box in boxes.all()[:3])


def test_the_map_is_hot_where_the_saved_map_is(fresh):
    hot, cold = heat(fresh, ".tile canvas")
    assert hot == [252, 255, 164, 255] and cold[3] == 0
    fresh.select_option("#look-sign", "-1")
    hot, cold = heat(fresh, ".tile canvas")
    assert hot[3] == 0 and cold == [252, 255, 164, 255]
    fresh.select_option("#look-scale", "model")
    assert heat(fresh, ".tile canvas")[1][3] == 255
    fresh.select_option("#look-model", label="裂纹检测网络 with a long name <i> · crop10 (grad_cam)")
    shot = fresh.locator(".tile .shot").first.bounding_box()
    canvas = fresh.locator(".tile canvas").first.bounding_box()
    assert (canvas["x"] - shot["x"]) / shot["width"] == pytest.approx(10 / 80, abs=0.02)
    assert canvas["width"] / shot["width"] == pytest.approx(60 / 80, abs=0.02)


def test_the_keyboard_reaches_everything(fresh):
    fresh.locator("#look-scale").focus()
    fresh.keyboard.press("Tab")
    focused = "document.activeElement.getAttribute('role')"
    assert fresh.evaluate(focused) == "option"
    style = "(s => [s.outlineStyle, s.outlineWidth])(getComputedStyle(document.activeElement))"
    assert fresh.evaluate(style) == ["solid", "3px"]
    names = ids(fresh)
    fresh.keyboard.press("Home")
    line = fresh.evaluate(
        """() => { const t = [...document.querySelectorAll('.tile')];
        return t.filter(e => e.offsetTop === t[0].offsetTop).length; }"""
    )
    assert 1 < line < 20
    at = 0
    for key, step in (
        ("ArrowRight", 1),
        ("ArrowDown", line),
        ("ArrowLeft", -1),
        ("ArrowUp", -line),
        ("ArrowLeft", 0),
    ):
        fresh.keyboard.press(key)
        at += step
        assert selected(fresh) == [names[at]], key
        assert fresh.inner_text("#look-title").startswith(names[at])
    fresh.keyboard.press("End")
    assert selected(fresh) == [names[-1]]
    visible = """() => { const t = document.activeElement.getBoundingClientRect(),
        b = document.getElementById('look-tiles').getBoundingClientRect();
        return t.top >= b.top - 1 && t.bottom <= b.bottom + 1 && t.bottom <= innerHeight + 1; }"""
    fresh.wait_for_function(visible)
    fresh.keyboard.press("Home")
    assert selected(fresh) == [names[0]]
    assert fresh.locator('.tile[tabindex="0"]').count() == 1


def test_what_has_no_text_has_a_name(fresh):
    labels = fresh.eval_on_selector_all(".tile", "all => all.map(e => e.getAttribute('aria-label'))")
    for label, name, said in zip(labels, ids(fresh), words(fresh), strict=True):
        outcome, kind = said.strip().split(", ")
        assert label.startswith(name) and outcome in label and f"class {kind}" in label and "score" in label
    pictures = fresh.eval_on_selector_all(".compare .shot", "all => all.map(e => [e.role, e.ariaLabel])")
    assert len(pictures) == 4 and all(role == "img" and label for role, label in pictures)
    unnamed = fresh.eval_on_selector_all(
        "#gallery select, #gallery input", "all => all.filter(e => !e.labels.length).map(e => e.id)"
    )
    assert unnamed == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_part_is_cut_or_lies_on_another(fresh, width, theme):
    show(fresh, width, theme)
    assert fresh.evaluate("document.documentElement.scrollWidth") <= width
    assert fresh.evaluate(MEASURE) == []
    assert fresh.evaluate(TILES) == []
    colours = fresh.locator(".tile").first.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert ("255, 255, 255" in colours[1]) == (theme == "light") and colours[0] != colours[1]
    fresh.emulate_media(color_scheme="light")
    show(fresh, 1280, "light")


def test_the_measurement_finds_what_is_wrong(fresh):
    fresh.evaluate(
        """() => { const style = document.createElement('style'); style.id = 'wrong';
        style.textContent = '.tile { margin-right: -40px } .tile span { white-space: nowrap }';
        document.head.append(style); }"""
    )
    found = " ".join(fresh.evaluate(TILES))
    fresh.evaluate("document.getElementById('wrong').remove()")
    assert "overlap" in found and "outside" in found


def test_images_that_are_gone_leave_their_maps(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(looked_page(n=12, sprites=False, most=5), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_function("window.report.ready", timeout=120_000)
    assert page.locator(".tile canvas").count() == 5
    assert "only their maps are drawn" in page.inner_text("#looks")
    assert page.inner_text("#look-count").startswith("5 of 12 such")
