"""One style for every figure, with colours that the colour-blind can tell apart (Okabe and Ito)."""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from results.figures.base.fonts import use_fonts_for

GOOD, DEFECT = "#0072B2", "#D55E00"
_STYLE = Path(__file__).with_name("defectbench.mplstyle")


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the project's style sheet."""
    with matplotlib.style.context(_STYLE):
        yield


def render(figure: Figure, suffix: str) -> bytes:
    """Return the figure as a PNG or SVG file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with house_style():
        for ax in figure.axes:
            plain_logarithms(ax)
        use_fonts_for(figure)
        figure.savefig(buffer, format=suffix, metadata={"Date": None} if suffix == "svg" else None)
    return buffer.getvalue()


def wrapped(text: str, characters: int, lines: int = 3) -> str:
    """Return a text broken into lines that fit, long words broken too; the end is left out.

    Examples
    --------
    >>> wrapped("resnet18, a-long-file-name.pt", 12)
    'resnet18,\\na-long-file-\\nname.pt'
    >>> wrapped("a\\tb", 12)
    'a b'
    """
    return "\n".join(
        piece
        for part in text.split("\n")
        for piece in textwrap.wrap(part, characters, max_lines=lines, placeholder=" ...", expand_tabs=False)
        or [""]
    )


def plain_logarithms(ax: Axes) -> None:
    """Label logarithmic axes with plain numbers, for no text of a figure is taken for a formula."""
    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            low, high = axis.get_view_interval()
            if high < 100 * low:
                # Between two powers of ten there may be none.
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
