import torch

from classifiers.cnn.networks.stratified import StratifiedStem


def test_equal_strata_compute_what_one_stem_does_and_show_no_seam():
    torch.manual_seed(0)
    strata = StratifiedStem(1, 4, 3).eval()
    torch.nn.init.ones_(strata.block[-1].weight)
    one = StratifiedStem(1, 1, 1).eval()
    state = {}
    for name, tensor in one.state_dict().items():
        wide = strata.state_dict()[name]
        state[name] = wide[: len(tensor)] if tensor.ndim else wide
    one.load_state_dict(state)
    shared = {
        name: tensor if not tensor.ndim else tensor.repeat(12, *[1] * (tensor.ndim - 1))
        for name, tensor in state.items()
    }
    strata.load_state_dict(shared)
    images = torch.randn(2, 1, 267, 275)
    with torch.inference_mode():
        torch.testing.assert_close(strata(images), one(images), rtol=1e-4, atol=1e-4)


def test_strata_have_filters_of_their_own():
    strata = StratifiedStem(1, 4, 3).eval()
    images = torch.zeros(1, 1, 64, 48)
    images[..., :] = 1
    with torch.inference_mode():
        maps = strata(images)
    assert not torch.allclose(maps[..., 6, 6], maps[..., 10, 6])
