"""FCOS: a class and a box for each place of the feature maps, without anchors and proposals."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSHead

from classifiers.detection.detector import PROPOSALS, Detector, Output
from classifiers.detection.modules import InPrecision, InPrecisionPyramid


@dataclass(repr=False, eq=False, kw_only=True)
class FCOSDetector(Detector):
    """FCOS of torchvision on a feature pyramid.

    Parameters
    ----------
    reach : tuple of three floats
        Scale of each level of the pyramid, finest first, as a share of the image's side: a level learns the
        boxes that reach between four and eight times as far from their centre, the first also smaller and the
        last also larger ones.
    head_layers : int
        Convolutions of each of the two heads.

    Notes
    -----
    The other parameters are those of `Detector`. Its boxes of any score stand for proposals.

    References
    ----------
    Tian et al., FCOS: fully convolutional one-stage object detection, ICCV 2019.
    """

    reach: tuple[float, ...] = (0.05, 0.1, 0.2)
    head_layers: int = 2

    first_stage = 2
    label_offset = 0

    def build_body(self, pyramid: nn.Module, n_classes: int, size: tuple[int, int]) -> nn.Module:
        """Return the network for images of one size."""
        sizes = tuple((share * min(size),) for share in self.reach)
        generator = AnchorGenerator(sizes, ((1.0,),) * len(sizes))
        body = FCOS(
            InPrecisionPyramid(pyramid, self.precision, self.channels),
            n_classes,
            min_size=min(size),
            max_size=max(size),
            image_mean=[0.0] * 3,
            image_std=[1.0] * 3,
            anchor_generator=generator,
            head=FCOSHead(self.channels, 1, n_classes, self.head_layers),
            score_thresh=0.0,
            detections_per_img=PROPOSALS,
        )
        for name in ("classification_head", "regression_head"):
            setattr(body.head, name, InPrecision(getattr(body.head, name), self.precision))
        return body

    def collect(self, body: nn.Module, images: torch.Tensor) -> list[Output]:
        """Return the boxes whose score reaches the threshold, and the boxes of any score as proposals."""
        found = []
        for each in body(images):
            boxes, scores, labels = each["boxes"], each["scores"], each["labels"]
            kept = torch.where(scores >= self.score_threshold)[0][: self.max_boxes]
            found.append(Output(boxes[kept], scores[kept], labels[kept], boxes))
        return found
