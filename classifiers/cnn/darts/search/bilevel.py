"""The gradient of the architecture in first and second order."""

from collections.abc import Callable, Sequence

import torch

Loss = Callable[[], torch.Tensor]
Tensors = Sequence[torch.Tensor]

#: Norm of the step of the finite differences, as published.
REACH = 1e-2


def gradients(loss: torch.Tensor, inputs: Tensors) -> tuple[torch.Tensor, ...]:
    """Return the gradient of a loss by each input; zeros by an input that has no part in it."""
    return torch.autograd.grad(loss, list(inputs), allow_unused=True, materialize_grads=True)


def second_order(
    train_loss: Loss,
    valid_loss: Loss,
    weights: Tensors,
    alphas: Tensors,
    *,
    rate: float,
    velocity: Tensors | None = None,
    momentum: float = 0.0,
    decay: float = 0.0,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return the gradient of the valid loss after one step of the weights, by the architecture.

    The gradient is that of ``valid_loss(w - rate * (momentum * velocity + dL_train/dw + decay * w))``.
    Its second derivative is approximated by central differences of the gradient of the training loss. The
    weights come back as they were.

    Parameters
    ----------
    train_loss, valid_loss : callable
        Compute a loss with the present weights and alphas. They should compute in float32: in bfloat16
        the differences drown in rounding.
    weights, alphas : sequences of parameters
    rate : float
        Learning rate xi of the step that is looked ahead; 0 gives the first order.
    velocity : sequence of tensors, optional
        Momentum buffers of the weights.
    momentum, decay : float
        As in the optimizer of the weights.

    Returns
    -------
    loss : tensor
        The valid loss after the step.
    gradient : tuple of tensors
        By each of `alphas`.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019, equations 7 and 8.
    """
    before = [weight.detach().clone() for weight in weights]
    try:
        step = gradients(train_loss(), weights)
        with torch.no_grad():
            for number, weight in enumerate(weights):
                ahead = step[number] + decay * weight
                if velocity is not None:
                    ahead = ahead + momentum * velocity[number]
                weight -= rate * ahead
        loss = valid_loss()
        both = gradients(loss, [*alphas, *weights])
        direct, direction = both[: len(alphas)], both[len(alphas) :]
        norm = torch.stack([part.float().norm() for part in direction]).norm()
        reach = REACH / norm.clamp_min(1e-12)
        sides = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                for weight, start, part in zip(weights, before, direction, strict=True):
                    weight.copy_(start + sign * reach * part)
            sides.append(gradients(train_loss(), alphas))
    finally:
        with torch.no_grad():
            for weight, start in zip(weights, before, strict=True):
                weight.copy_(start)
    mixed = [(plus - minus) / (2 * reach) for plus, minus in zip(*sides, strict=True)]
    return loss.detach(), tuple(own - rate * part for own, part in zip(direct, mixed, strict=True))


def first_order(valid_loss: Loss, alphas: Tensors) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return the valid loss with the present weights and its gradient by the architecture (xi = 0)."""
    loss = valid_loss()
    return loss.detach(), gradients(loss, alphas)
