"""Names of the candidate operations of a cell: all that genotypes need. This module does not import torch."""

NONE, SKIP = "none", "skip_connect"
#: In the order of the published code.
OPERATIONS = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    SKIP,
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
