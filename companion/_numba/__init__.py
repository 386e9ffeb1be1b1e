"""The losses' kernels, compiled by Numba: what `companion.engine` switches to.

`KERNELS` has a function for each kernel that a `Formula` names: it makes the options that choose
the compiled code. Read `arithmetic` first, then `blocks`, then a family of losses; `compiler`
keeps what is compiled on disk. `run_rows` runs the losses of K classes: read `tiles`, `softmax`,
`categorical`.
"""

from __future__ import annotations

from companion._numba.binary import logits, probabilities
from companion._numba.blocks import run_block
from companion._numba.categorical import run_rows
from companion._numba.focal import focal
from companion._numba.tiles import LANES, is_long

__all__ = ["KERNELS", "LANES", "is_long", "run_block", "run_rows"]

KERNELS = {"logits": logits, "probabilities": probabilities, "focal": focal}
"""kernel(smoothing, dtype, **options) makes the options of a block."""
