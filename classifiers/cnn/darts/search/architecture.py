"""The architecture parameters of a search: one weight per edge and candidate operation."""

import torch
from torch import nn

from classifiers.cnn.darts.genotype import INPUTS, NODES, Cell, Genotype
from classifiers.cnn.darts.operations import NONE, OPERATIONS, SKIP

#: The edges of a cell as (source, node), in the order of the rows of alpha.
EDGES = tuple((source, node) for node in range(INPUTS, INPUTS + NODES) for source in range(node))
KINDS = ("normal", "reduction")


class Architecture(nn.Module):
    """Alphas of the normal and the reduction cell, and the strengths of their edges.

    Parameters
    ----------
    partial : bool
        Whether edges have a strength of their own, which is learned (edge normalisation of PC-DARTS).
        Without it, all edges of a node count alike.
    generator : Generator, optional
        Source of the start values, normal with standard deviation 1e-3.

    References
    ----------
    Liu, Simonyan and Yang, DARTS: differentiable architecture search, ICLR 2019. Xu et al., PC-DARTS:
    partial channel connections for memory-efficient architecture search, ICLR 2020.
    """

    def __init__(self, partial: bool = False, generator: torch.Generator | None = None):
        super().__init__()

        def start(*shape: int) -> nn.Parameter:
            return nn.Parameter(1e-3 * torch.randn(*shape, generator=generator))

        self.alphas = nn.ParameterDict({kind: start(len(EDGES), len(OPERATIONS)) for kind in KINDS})
        self.strengths = nn.ParameterDict({kind: start(len(EDGES)) for kind in KINDS if partial})

    def weights(self, kind: str) -> torch.Tensor:
        """Return the weight of each operation on each edge, shape (14, 8).

        Softmax of alpha over the operations, times softmax of the strengths over the edges of a node
        where edges have strengths.
        """
        weights = self.alphas[kind].softmax(dim=1)
        return weights * self.edge_weights(kind)[:, None] if self.strengths else weights

    def edge_weights(self, kind: str) -> torch.Tensor:
        """Return the weight of each edge among the edges of its node, shape (14,)."""
        if not self.strengths:
            return torch.ones(len(EDGES), device=self.alphas[kind].device)
        parts = self.strengths[kind].split(list(range(INPUTS, INPUTS + NODES)))
        return torch.cat([part.softmax(dim=0) for part in parts])

    def decay(self) -> torch.Tensor:
        """Return the beta-decay loss: the mean over all edges of the log-sum-exp of alpha.

        References
        ----------
        Ye et al., beta-DARTS: beta-decay regularization for differentiable architecture search, CVPR 2022.
        """
        return torch.cat(list(self.alphas.values())).logsumexp(dim=1).mean()

    @torch.no_grad()
    def entropy(self, kind: str) -> float:
        """Return the mean entropy of the operations of an edge, in nats; ln 8 at the start."""
        weights = self.alphas[kind].softmax(dim=1)
        return float(-(weights * weights.log()).sum(dim=1).mean())

    @torch.no_grad()
    def genotype(self, name: str = "searched") -> Genotype:
        """Derive the cells: for each node the two edges with the strongest operation, `none` excluded."""
        return Genotype(name, *(derive(self.weights(kind)) for kind in KINDS))


def derive(weights: torch.Tensor) -> Cell:
    """Return the cell of the strongest operations.

    Parameters
    ----------
    weights : tensor, shape (14, 8)
        Weight of each operation on each edge.

    Returns
    -------
    Cell
        Two edges per node, in the order of their inputs. Of equal weights the first counts.
    """
    names = [name for name in OPERATIONS if name != NONE]
    columns = [number for number, name in enumerate(OPERATIONS) if name != NONE]
    table = weights.detach().double().cpu()[:, columns].tolist()
    best = [max(range(len(names)), key=row.__getitem__) for row in table]
    nodes = []
    for node in range(INPUTS, INPUTS + NODES):
        incoming = [edge for edge, (_, target) in enumerate(EDGES) if target == node]
        strongest = sorted(incoming, key=lambda edge: -table[edge][best[edge]])[:2]
        nodes.append(tuple((names[best[edge]], EDGES[edge][0]) for edge in sorted(strongest)))
    return tuple(nodes)


def skips(cell: Cell) -> int:
    """Return how many edges of a cell are skip connections."""
    return sum(operation == SKIP for node in cell for operation, _ in node)
