"""The boxes that a run has saved, as the measures take them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

CORNERS = ["x1", "y1", "x2", "y2"]
#: What a row is: an image that was looked at, a true box, a detected box, or a proposal.
IMAGE, TRUTH, BOX, PROPOSAL = "image", "truth", "box", "proposal"
#: Columns of a table of boxes, besides `results.predictions.ROW_KEY`.
COLUMNS = ["image_id", "split", "y", "what", "class", "score", "rank", *CORNERS]


@dataclass(frozen=True, eq=False)
class Part:
    """One split of a detector's boxes.

    Parameters
    ----------
    images : DataFrame
        One row per image: `image_id`, `y` (1: defective), `class` (label of the image).
    truth, boxes, proposals : DataFrame
        As `COLUMNS`; x2 and y2 are edges, not included.
    """

    images: pd.DataFrame
    truth: pd.DataFrame
    boxes: pd.DataFrame
    proposals: pd.DataFrame

    @property
    def unboxed(self) -> pd.Series:
        """Whether each image is defective without a true box: its detections are neither right nor wrong."""
        return (self.images["y"] == 1) & ~self.images["image_id"].isin(self.truth["image_id"])

    @property
    def measured(self) -> list[str]:
        """The ids of the images that count: good ones, and defective ones with a true box."""
        return self.images.loc[~self.unboxed, "image_id"].tolist()


def part_of(frame: pd.DataFrame, split: str) -> Part:
    """Return one split of the boxes of one detector."""
    own = frame[frame["split"].astype(str) == split]
    return Part(*(own[own["what"] == what] for what in (IMAGE, TRUTH, BOX, PROPOSAL)))
