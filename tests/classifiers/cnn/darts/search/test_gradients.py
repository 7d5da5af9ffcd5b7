"""The gradients of a search against autograd's, on a toy and on a small supernet."""

import pytest
import torch
from torch.nn import functional

from classifiers.cnn.darts.search.architecture import EDGES, KINDS, Architecture, derive, skips
from classifiers.cnn.darts.search.bilevel import first_order, second_order
from classifiers.cnn.darts.search.estimator import DartsSearch
from classifiers.cnn.darts.search.supernet import Supernet

RATE, MOMENTUM, DECAY = 0.1, 0.9, 3e-4


class Toy:
    """Two mixed layers weighted by softmax(alpha); smooth, so that it can be differentiated twice."""

    def __init__(self):
        torch.manual_seed(0)
        self.weights = [torch.randn(3, 4, 5).requires_grad_(), torch.randn(3, 5, 1).requires_grad_()]
        self.alphas = [torch.randn(3).requires_grad_(), torch.randn(3).requires_grad_()]
        self.velocity = [0.1 * torch.randn_like(weight) for weight in self.weights]
        self.data = {half: (torch.randn(16, 4), torch.rand(16, 1)) for half in ("train", "valid")}

    def loss(self, half, weights=None):
        x, target = self.data[half]
        for weight, alpha in zip(weights or self.weights, self.alphas, strict=True):
            mixed = torch.einsum("ni,oij->onj", x, weight).tanh()
            x = (alpha.softmax(dim=0)[:, None, None] * mixed).sum(dim=0)
        return functional.mse_loss(x, target)

    def exact(self, velocity, momentum, decay):
        step = torch.autograd.grad(self.loss("train"), self.weights, create_graph=True)
        ahead = [
            weight - RATE * (momentum * speed + part + decay * weight)
            for weight, part, speed in zip(self.weights, step, velocity, strict=True)
        ]
        return torch.autograd.grad(self.loss("valid", ahead), self.alphas)


def relative(found, exact):
    return float(torch.cat(found).sub(torch.cat(exact)).norm() / torch.cat(exact).norm())


@pytest.mark.parametrize("moving", [False, True])
def test_the_second_order_is_the_exact_gradient_of_autograd(moving):
    toy = Toy()
    before = [weight.detach().clone() for weight in toy.weights]
    momentum, decay = (MOMENTUM, DECAY) if moving else (0.0, 0.0)
    _, found = second_order(
        lambda: toy.loss("train"),
        lambda: toy.loss("valid"),
        toy.weights,
        toy.alphas,
        rate=RATE,
        velocity=toy.velocity if moving else None,
        momentum=momentum,
        decay=decay,
    )
    exact = toy.exact(toy.velocity, momentum, decay)
    assert relative(found, exact) < 1e-2
    # The term of second order counts: without it the bound would not hold.
    _, first = first_order(lambda: toy.loss("valid"), toy.alphas)
    assert relative(first, exact) > 2e-2
    assert all(torch.equal(weight, start) for weight, start in zip(toy.weights, before, strict=True))


def test_the_first_order_is_its_definition():
    toy = Toy()
    _, found = first_order(lambda: toy.loss("valid"), toy.alphas)
    assert relative(found, torch.autograd.grad(toy.loss("valid"), toy.alphas)) < 1e-5
    _, still = second_order(
        lambda: toy.loss("train"), lambda: toy.loss("valid"), toy.weights, toy.alphas, rate=0.0
    )
    assert relative(still, found) < 1e-5


@pytest.fixture
def halves():
    torch.manual_seed(0)
    return [(255 * torch.rand(4, 1, 16, 16), torch.tensor([0.0, 1.0, 0.0, 1.0])) for _ in range(2)]


def make_trainer(**params):
    torch.manual_seed(0)
    return DartsSearch(channels=2, layers=3, device="cpu", **params).make_trainer(1, 1)


@pytest.mark.parametrize("order", ["first", "second"])
def test_a_step_adds_the_gradient_of_beta_decay_in_both_orders(order, halves):
    grads = []
    for decay in (0.0, 3.0):
        trainer = make_trainer(order=order)
        trainer.step(*halves, rate=0.025, decay=decay)
        grads.append([alpha.grad for alpha in trainer.alphas])
    alphas = make_trainer().alphas
    added = [more - plain for plain, more in zip(*grads, strict=True)]
    loss = 3.0 * torch.stack([alpha.exp().sum(dim=1).log() for alpha in alphas]).mean()
    torch.testing.assert_close(added, list(torch.autograd.grad(loss, alphas)), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("order", ["first", "second"])
def test_the_architecture_computes_in_float32_in_second_order_even_beside_bfloat16(order, halves):
    exact, rough = (make_trainer(order=order, precision=precision) for precision in ("float32", "bfloat16"))
    for trainer in (exact, rough):
        trainer.step(*halves, rate=0.025, decay=0.0)
    same = [torch.equal(one.grad, two.grad) for one, two in zip(exact.alphas, rough.alphas, strict=True)]
    assert all(same) if order == "second" else not any(same)


def test_the_weights_do_not_learn_from_the_second_half(halves):
    train, valid = halves
    trainers = [make_trainer(alpha_learning_rate=0.0, alpha_weight_decay=0.0) for _ in range(2)]
    for trainer, half in zip(trainers, (valid, train), strict=True):
        trainer.step(train, half, rate=0.025, decay=0.0)
    assert all(
        torch.equal(one, two) for one, two in zip(trainers[0].weights, trainers[1].weights, strict=True)
    )


def test_partial_channels_normalise_edges_and_cut_the_parameters():
    networks = [Supernet(channels=8, layers=3, in_channels=1, partial_channels=k) for k in (1, 4)]
    counts = [
        sum(p.numel() for name, p in network.named_parameters() if "operations" in name)
        for network in networks
    ]
    assert counts[1] < counts[0] / 4
    architecture = networks[1].architecture
    torch.nn.init.normal_(architecture.strengths["normal"])
    sums = torch.zeros(6).index_add(0, torch.tensor([node for _, node in EDGES]),
                                    architecture.weights("normal").sum(dim=1))  # fmt: skip
    torch.testing.assert_close(sums[2:], torch.ones(4))
    images = torch.rand(2, 1, 33, 47)
    assert networks[1](images).shape == networks[0](images).shape == (2, networks[0].dim)


def test_derivation_takes_the_two_strongest_edges_without_none():
    weights = torch.full((14, 8), 0.01)
    weights[:, 0] = 0.9  # none
    for edge, (source, node) in enumerate(EDGES):
        weights[edge, 3 if source % 2 else 4] = 0.1 + 0.01 * source + 0.001 * node
    cell = derive(weights)
    assert cell[0] == (("sep_conv_3x3", 0), ("skip_connect", 1))
    assert cell[3] == (("skip_connect", 3), ("sep_conv_3x3", 4))
    assert skips(cell) == 4
    genotype = Architecture().genotype("x")
    assert all(len(getattr(genotype, kind)) == 4 for kind in KINDS)
