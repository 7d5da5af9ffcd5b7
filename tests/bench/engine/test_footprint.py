import torch

from bench.engine.cost import Footprint, training_footprint
from bench.engine.estimate import footprints
from bench.engine.job import Job


def test_the_memory_counts_weights_activations_and_images():
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1, bias=False), torch.nn.BatchNorm2d(4))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    small, large = (training_footprint(module, (1, 8, 8), batch, 100) for batch in (10, 20))
    assert small.parameters == 4 * 9 + 8
    # Per image in bfloat16: 64 values into the convolution, 4 x 64 into the batch norm.
    assert large.memory - small.memory == 10 * 2 * (64 + 4 * 64)
    assert small.memory >= 5 * 4 * small.parameters + 100 * 64 + 10 * 2 * 5 * 64
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_a_line_for_each_network_that_is_still_to_be_trained():
    class NetworkJob(Job):
        title = "train a network"

        def footprint(self, context):
            return Footprint(12345, 2.5e9)

    class OtherJob(Job):
        title = "embed"

    first, done, other = NetworkJob(seed=0), NetworkJob(seed=1), OtherJob(seed=2)
    lines = footprints([first, done, other], None, {first.id: 600.0, other.id: 5.0})
    assert lines == ["  train a network: 12,345 parameters, about 2.5 GB, 10 min"]
