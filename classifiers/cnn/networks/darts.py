"""DARTS networks trained from scratch."""

from dataclasses import dataclass

from torch import nn

from classifiers.cnn.darts.genotype import read_genotype
from classifiers.cnn.darts.network import DerivedNetwork
from classifiers.cnn.image_classifier import ImageClassifier
from classifiers.cnn.modules import BodyAndHead
from features.errors import InputError


@dataclass(repr=False, eq=False, kw_only=True)
class DartsClassifier(ImageClassifier):
    """A network of the cells that a genotype describes.

    Parameters
    ----------
    genotype : str
        `DARTS_V2` (the cells published for ImageNet), `random:SEED` (drawn from the same space), the path
        of a genotype's JSON file, or its text.
    channels : int
        Channels of each node of the first cells.
    layers : int
        Number of cells.
    stem : {"imagenet", "cifar"}
        Whether the stem reduces the image to an eighth of its side.
    drop_path : float
        Probability that an edge of the last cell is dropped for an image during training.
    auxiliary : float
        Weight in the training loss of a second classifier after the second reduction cell; 0 makes none,
        0.4 is the published weight.

    Notes
    -----
    The other parameters are those of `ImageClassifier`; its `augment` knows `cutout`.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019.

    Examples
    --------
    >>> DartsClassifier(channels=4, layers=3).build(n_outputs=1, channels=1).dim
    64
    """

    genotype: str = "DARTS_V2"
    channels: int = 8
    layers: int = 5
    stem: str = "imagenet"
    drop_path: float = 0.0
    auxiliary: float = 0.0

    def build(self, n_outputs: int, channels: int) -> BodyAndHead:
        """Make the network for images of any size."""
        if not 0 <= self.drop_path < 1:
            raise InputError(f"drop_path {self.drop_path}: give 0 or more and less than 1")
        if self.auxiliary < 0:
            raise InputError(f"auxiliary {self.auxiliary}: give 0 or more")
        body = DerivedNetwork(
            read_genotype(self.genotype),
            channels=self.channels,
            layers=self.layers,
            stem=self.stem,
            in_channels=channels,
            drop_path=self.drop_path,
            auxiliary=n_outputs if self.auxiliary else 0,
        )
        head = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(body.dim, n_outputs))
        return BodyAndHead(
            body,
            head,
            body.dim,
            mean=(0.5,) * channels,
            std=(0.25,) * channels,
            auxiliary=self.auxiliary,
        )
