"""Panels of heat maps: an image, the map of its true class, and the map of the other class."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from results.figures.base.spec import FigureSpec
from results.figures.base.style import house_style, wrapped
from results.metrics.localisation.saved import enlarge, locate

_COLUMNS = ("map for the true class", "map for the other class")
_WORDS = {
    "hit": "hit (defect found)",
    "escape": "escape (defect missed)",
    "overkill": "overkill (good part rejected)",
    "correct": "correct good part",
}
_OPACITY = 0.5


def heat_maps_figure(panels: pd.DataFrame, regions: pd.DataFrame) -> Figure | None:
    """Draw one panel for each preprocessing, one line for each outcome.

    Parameters
    ----------
    panels : DataFrame
        Rows as a run saves them: the columns of a table of maps (`results.tables.localisation.COLUMNS`), the
        key of the model's row, `outcome`, `values` (map of the true class), `opposite` (of the other class),
        `pixels` (bytes of the grey image), `pixels_height` and `pixels_width`.
    regions : DataFrame
        Regions of the defects, whose boxes are drawn; may be empty.

    Returns
    -------
    Figure or None
        None without panels. Both maps of an image share one scale: the positive evidence up to the larger
        maximum of the two.
    """
    if panels.empty:
        return None
    groups = list(panels.groupby("preprocess", sort=False))
    lines = max(len(part) for _, part in groups)
    with house_style():
        tall = float((panels["pixels_height"] / panels["pixels_width"]).max())
        figure = Figure(figsize=(5.4 * len(groups), 0.6 + (0.4 + 1.7 * tall) * lines), layout="constrained")
        parts = np.atleast_1d(figure.subfigures(1, len(groups)))  # type: ignore[arg-type]
        for sub, (preprocess, part) in zip(parts, groups, strict=True):
            first = part.iloc[0]
            model = f"{first['model']}, {first['features']}, {first['weights']} weights"
            sub.suptitle(wrapped(f"{model}; preprocessing {preprocess}", 60), fontsize=9)
            axes = sub.subplots(lines, 1 + len(_COLUMNS), squeeze=False)
            for ax in axes.flat:
                ax.set_axis_off()
            for line, row in zip(axes, part.to_dict("records"), strict=False):
                own = regions[regions["image_id"] == row["image_id"]] if len(regions) else regions
                _draw(line, {str(name): value for name, value in row.items()}, own)
    return figure


def _draw(line: np.ndarray, row: dict[str, object], regions: pd.DataFrame) -> None:
    height, width = int(row["pixels_height"]), int(row["pixels_width"])  # type: ignore[call-overload]
    image = np.frombuffer(row["pixels"], np.uint8).reshape(height, width)  # type: ignore[call-overload]
    located = locate(row, regions) if len(regions) else None  # type: ignore[arg-type]
    cells = (int(row["map_height"]), int(row["map_width"]))  # type: ignore[call-overload]
    maps = [np.asarray(row[name], np.float32).reshape(cells) for name in ("values", "opposite")]
    top = max(float(each.max()) for each in maps)
    for number, ax in enumerate(line):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        if number and top > 0:
            heat = np.maximum(enlarge(maps[number - 1], height, width), 0)
            ax.imshow(heat, cmap="inferno", vmin=0, vmax=top, alpha=_OPACITY)
        if located is not None:
            _boxes(ax, located.boxes, height / located.heat.shape[0], width / located.heat.shape[1])
    titles = (f"{_WORDS[str(row['outcome'])]}\n{wrapped(str(row['image_id']), 30, 1)}", *_COLUMNS)
    for ax, title in zip(line, titles, strict=True):
        ax.set_title(title, fontsize=7)


def _boxes(ax: Axes, boxes: np.ndarray, down: float, across: float) -> None:
    for x1, y1, x2, y2 in boxes:
        corner = (x1 * across - 0.5, y1 * down - 0.5)
        size = ((x2 - x1 + 1) * across, (y2 - y1 + 1) * down)
        ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor="#009E73", linewidth=1.2))


FIGURE = FigureSpec(
    "heat_maps",
    "Where the models look",
    lambda view: heat_maps_figure(view.panels, view.regions),
    needs="panels",
)
