"""Measures where the parts of a report page lie, in a browser."""

WIDTHS = (400, 1280, 1920)

#: Problems of the page, each a text: parts outside the window, cut texts, parts that overlap.
MEASURE = """() => {
  const found = [], wide = document.documentElement.clientWidth;
  const name = (e) => `${e.tagName} ${e.id} ${(e.textContent || '').trim().slice(0, 40)}`;
  const box = (e) => e.getBoundingClientRect();
  const seen = (e) => { const b = box(e), s = getComputedStyle(e);
    // What is folded away has a box, too.
    return b.width > 0 && b.height > 0 && s.visibility !== 'hidden' && e.checkVisibility(); };
  const scroller = (e) => e.closest('.wide, aside, .tiles');
  const apart = (elements, what) => {
    const boxes = elements.filter(seen).map((e) => [e, box(e)]);
    boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      if (one.contains(other) || other.contains(one)) return;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 &&
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1.5)
        found.push(`${what} overlap: ${name(one)} | ${name(other)}`);
    }));
  };
  const parts = [...document.querySelectorAll(
    'h1, h2, h3, nav a, button, label, p, li, summary, dt, dd, .plot, .wide, .card, figcaption, figure img')]
    .filter((e) => seen(e) && !e.closest('.plot *, table') && !e.closest('aside li'));
  for (const e of parts) {
    if (scroller(e) && scroller(e) !== e) continue;
    const b = box(e);
    if (b.left < -0.5 || b.right > wide + 0.5) found.push(`outside the window: ${name(e)}`);
  }
  apart(parts.filter((e) => !scroller(e) || scroller(e) === e), 'parts');
  for (const e of document.querySelectorAll('main *')) {
    if (!seen(e) || e.closest('.plot, select, input') || e.matches('.wide, aside, .tiles')) continue;
    const s = getComputedStyle(e);
    if (['hidden', 'clip'].includes(s.overflowX) && e.scrollWidth > e.clientWidth + 1)
      found.push(`cut: ${name(e)}`);
  }
  for (const e of document.querySelectorAll('.wide')) {
    const table = e.querySelector('table');
    if (table && box(table).width > e.clientWidth + 1) {
      if (!['auto', 'scroll'].includes(getComputedStyle(e).overflowX)) found.push(`cut table: ${name(e)}`);
      e.scrollLeft = 1e6;
      if (box(table).right > box(e).right + 1.5) found.push(`end out of reach: ${name(e)}`);
      e.scrollLeft = 0;
    }
    for (const row of e.querySelectorAll('tr')) apart([...row.cells], 'cells');
  }
  for (const plot of document.querySelectorAll('.plot')) {
    const texts = [...plot.querySelectorAll('.xtick text, .ytick text, .xtitle, .ytitle, .legendtext')];
    apart(texts, `texts of ${plot.id}`);
    const frame = box(plot);
    for (const e of texts.filter(seen)) {
      const b = box(e);
      if (b.left < frame.left - 1.5 || b.right > frame.right + 1.5 || b.bottom > frame.bottom + 1.5)
        found.push(`text outside ${plot.id}: ${name(e)}`);
    }
    const area = plot.querySelector('.nsewdrag'), bar = plot.querySelector('.modebar-group')?.parentElement;
    if (area && bar && box(bar).bottom > box(area).top + 1.5 && box(bar).height > 0)
      found.push(`toolbar over ${plot.id}`);
  }
  return found;
}"""


def show(page, width, theme):
    """Set the width of the window and the theme, and wait until the plots fit."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(
        """[...document.querySelectorAll('.plot .main-svg')].every(
        s => Math.abs(s.getBoundingClientRect().width - s.closest('.plot').clientWidth) < 3)"""
    )
