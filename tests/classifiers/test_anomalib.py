"""PatchCore beside anomalib's: same images, same features, same share of patches kept (`tox -e anomalib`)."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from classifiers.patch_memory import PatchMemory
from features.backbones import info, load_backbone
from features.chips.generator import draw_chip
from features.pixels.transforms import resize_batch

SHARE, SIZE = 0.1, 96
#: As many images as the smallest category of MVTec AD has.
TRAIN, GOOD, BAD = 60, 40, 40


@pytest.fixture(scope="module")
def chips():
    """Good training images, then good and defective test images, uint8 (n, 96, 96)."""
    wanted, found = {False: TRAIN + GOOD, True: BAD}, {False: [], True: []}
    index = 0
    while any(len(found[bad]) < count for bad, count in wanted.items()):
        chip = draw_chip(0, index)
        if len(found[chip.truly_bad]) < wanted[chip.truly_bad]:
            found[chip.truly_bad].append(chip.pixels)
        index += 1
    pixels = torch.from_numpy(np.stack(found[False] + found[True]))[:, None]
    return resize_batch(pixels, SIZE)[:, 0].numpy()


class Layers(torch.nn.Module):
    """The maps of a backbone's patch layers, as anomalib's feature extractor returns them."""

    def __init__(self, backbone):
        super().__init__()
        self.body, self.names = backbone.module, info(backbone.name).patch_layers

    def forward(self, images):
        found, hooks = {}, []
        for name in self.names:
            layer = self.body.get_submodule(name)
            hooks.append(layer.register_forward_hook(lambda *call, name=name: found.update({name: call[-1]})))
        self.body(images)
        for hook in hooks:
            hook.remove()
        return found


@pytest.mark.deep
@pytest.mark.parametrize(("name", "weights"), [("resnet18", "random"), ("efficientnet_lite0", "imagenet")])
def test_the_auc_is_within_002_of_anomalibs(chips, name, weights):
    reason = "anomalib is not installed; run tox -e anomalib"
    theirs = pytest.importorskip("anomalib.models.image.patchcore.torch_model", reason=reason)
    backbone = load_backbone(name, weights, seed=0)
    y = np.repeat([0, 1], [GOOD, BAD])
    ours = PatchMemory(name, weights, size=SIZE, precision="float32", share=SHARE, max_patches=None)
    ours.fit(chips[:TRAIN], np.zeros(TRAIN))
    our_score = ours.decision_function(chips[TRAIN:]) + ours.offset_

    torch.manual_seed(0)
    model = theirs.PatchcoreModel(list(info(name).patch_layers), "resnet18", pre_trained=False)
    model.feature_extractor = Layers(backbone)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (backbone.mean, backbone.std))
    images = (torch.from_numpy(chips)[:, None].expand(-1, 3, -1, -1) / 255 - mean) / std
    model.train().feature_extractor.eval()
    for batch in images[:TRAIN].split(16):
        model(batch)
    model.subsample_embedding(SHARE)
    model.eval()
    their_score = torch.cat([model(batch).pred_score for batch in images[TRAIN:].split(16)]).numpy()

    assert len(model.memory_bank) == len(ours.detector_._fit_X)
    aucs = [float(roc_auc_score(y, score)) for score in (our_score, their_score)]
    print(f"{name}, {weights}: AUC {aucs[0]:.3f}, anomalib {aucs[1]:.3f}")
    assert abs(aucs[0] - aucs[1]) <= 0.02
    # With the same memory the scores are the same numbers.
    ours.detector_.fit(model.memory_bank.numpy())
    np.testing.assert_allclose(ours.decision_function(chips[TRAIN:]) + ours.offset_, their_score, rtol=1e-3)
