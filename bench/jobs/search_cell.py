"""The job kind `search_cell`: a DARTS cell searched on the training split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.console import task
from bench.engine.context import Context
from bench.engine.estimate import noise, seconds_per_item
from bench.engine.job import Job
from features.files import write_text
from features.pixels.sizes import height_and_width

if TYPE_CHECKING:
    from bench.engine.cost import Footprint
    from classifiers.cnn.darts import DartsSearch

#: Steps that an estimate is measured on; a step takes a batch of each half.
_FEW, _MANY = 1, 3


@dataclass(frozen=True, kw_only=True)
class SearchCellJob(Job):
    """Search a DARTS cell on the training split; the valid and the test split take no part.

    Parameters
    ----------
    cell : str
        Name of the cell in tables.
    preprocess : str
    params : tuple of (str, value)
        Parameters of `DartsSearch` that differ from its defaults.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019.
    """

    cell: str
    preprocess: str = "none"
    params: tuple[tuple[str, Any], ...] = ()

    @property
    def title(self) -> str:
        """The cell."""
        return f"search a DARTS cell ({self.cell})"

    @property
    def slug(self) -> str:
        """The cell."""
        return self.cell

    def check(self, context: Context) -> None:
        """Raise `NotRunnable` when the train split does not hold both classes."""
        context.check_labels()

    def run(self, context: Context) -> None:
        """Search, then write the history and the genotype."""
        from bench.engine.pixels import run_pixels

        folder, train = context.folder, context.rows("train")
        checkpoint = folder.checkpoint_path(self.id)
        search = self._search(context).set_params(checkpoint=str(checkpoint))
        title = f"reading images for {self.cell}"
        with (
            run_pixels(
                context, self.id, _size(search, context), preprocess=self.preprocess, title=title
            ) as pixels,
            task(self.title, search.epochs, "epochs") as update,
        ):

            def report(row: dict[str, float]) -> None:
                entropy = (row["entropy_normal"] + row["entropy_reduce"]) / 2
                update(int(row["epoch"]), f"valid loss {row['valid_loss']:.3f}, entropy {entropy:.3f}")

            search.fit(pixels[train], context.y[train], report=report)
        folder.write_frame(folder.history_path(self.id), pd.DataFrame(search.history_))
        name = f"{context.config.name} {self.cell}"
        write_text(folder.genotype_path(self.id), replace(search.genotype_, name=name).to_json() + "\n")
        checkpoint.unlink(missing_ok=True)

    def seconds(self, context: Context) -> float:
        """Estimate the duration from a few steps on noise of the images' size."""
        measured = {name: value for name, value in self.params if name != "epochs"}
        each = context.once(f"seconds per searched image, {measured}", lambda: self._measured(context))
        return each * len(context.rows("train")) * self._search(context).epochs

    def footprint(self, context: Context) -> Footprint:
        """Return the parameters of the supernet and the memory of a step; see `training_footprint`."""
        from bench.engine.cost import training_footprint

        search = self._search(context)
        module = search.make_trainer(context.channels, 1).network["body"]
        shape = (context.channels, *_size(search, context))
        return training_footprint(module, shape, search.batch_size, len(context.images))

    def _measured(self, context: Context) -> float:
        search = self._search(context).set_params(epochs=1)
        few, many = (2 * search.batch_size * steps for steps in (_FEW, _MANY))
        X, y = noise(context, _size(search, context), many, self.seed)
        return seconds_per_item(lambda count: search.fit(X[:count], y[:count]), few, many)

    def _search(self, context: Context) -> DartsSearch:
        from classifiers.cnn.darts import DartsSearch

        return DartsSearch(**dict(self.params), seed=self.seed, device=context.config.device)


def _size(search: DartsSearch, context: Context) -> tuple[int, int]:
    """Return the (height, width) of the images that a search takes."""
    size = search.image_size
    return context.common_size() if size is None else height_and_width(size)
