"""One style for every figure, with colours that the colour-blind can tell apart (Okabe and Ito)."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

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
        figure.savefig(buffer, format=suffix, metadata={"Date": None} if suffix == "svg" else None)
    return buffer.getvalue()
