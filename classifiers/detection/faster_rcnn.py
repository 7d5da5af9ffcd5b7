"""Faster R-CNN: region proposals, then a class and a better box for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign

from classifiers.detection.detector import PROPOSALS, Detector, Output
from classifiers.detection.modules import InPrecision, InPrecisionPyramid

_POOLED = 7


@dataclass(repr=False, eq=False, kw_only=True)
class FasterRCNNDetector(Detector):
    """Faster R-CNN of torchvision on a feature pyramid.

    Parameters
    ----------
    anchors : tuple of four floats
        Side of the anchors of each level of the pyramid, finest first, as a share of the image's side. Each
        level also has anchors that are larger by the square root of two: with sides that double from level to
        level alone, every second box overlaps no anchor by more than 0.7.
    ratios : tuple of floats
        Heights of the anchors divided by their widths.
    hidden_units : int
        Width of the two dense layers that judge a proposal.
    sampled_proposals : int
        Proposals per image that a training step judges.

    Notes
    -----
    The other parameters are those of `Detector`.

    References
    ----------
    Ren et al., Faster R-CNN: towards real-time object detection with region proposal networks, NeurIPS 2015.
    """

    anchors: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8)
    ratios: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    hidden_units: int = 256
    sampled_proposals: int = 64

    first_stage = 1
    label_offset = 1

    def build_body(self, pyramid: nn.Module, n_classes: int, size: tuple[int, int]) -> nn.Module:
        """Return the network for images of one size."""
        side, channels = min(size), self.channels
        sizes = tuple((share * side, share * side * 2**0.5) for share in self.anchors)
        generator = AnchorGenerator(sizes, (tuple(self.ratios),) * len(sizes))
        head = RPNHead(channels, generator.num_anchors_per_location()[0])
        levels = list(pyramid.levels)  # type: ignore[arg-type]
        return FasterRCNN(
            InPrecisionPyramid(pyramid, self.precision, channels),
            min_size=min(size),
            max_size=max(size),
            image_mean=[0.0] * 3,
            image_std=[1.0] * 3,
            rpn_anchor_generator=generator,
            rpn_head=InPrecision(head, self.precision),
            rpn_pre_nms_top_n_train=200,
            rpn_post_nms_top_n_train=100,
            rpn_pre_nms_top_n_test=500,
            rpn_post_nms_top_n_test=PROPOSALS,
            rpn_fg_iou_thresh=0.6,
            rpn_batch_size_per_image=128,
            box_roi_pool=MultiScaleRoIAlign(levels, _POOLED, 2),
            box_head=InPrecision(TwoMLPHead(channels * _POOLED**2, self.hidden_units), self.precision),
            box_predictor=FastRCNNPredictor(self.hidden_units, n_classes + 1),
            box_batch_size_per_image=self.sampled_proposals,
            box_score_thresh=self.score_threshold,
            box_detections_per_img=self.max_boxes,
        )

    def collect(self, body: nn.Module, images: torch.Tensor) -> list[Output]:
        """Return the detections, and the proposals that they were made from."""
        proposed: list[list[torch.Tensor]] = []
        rpn: nn.Module = body.rpn  # type: ignore[assignment]
        hook = rpn.register_forward_hook(lambda module, inputs, output: proposed.append(output[0]))
        try:
            found = body(images)
        finally:
            hook.remove()
        return [
            Output(each["boxes"], each["scores"], each["labels"], boxes)
            for each, boxes in zip(found, proposed[0], strict=True)
        ]
