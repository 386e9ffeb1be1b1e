"""How the NumPy losses are run. A loss is a `Formula`; read `formula` first, then `elementwise`.

`elementwise` holds what every call has in common that takes one number for each question, `binary`
the formulas for a block of them; `rowwise` and `categorical` are the same for rows of K classes,
with `targets` (labels and weights), `softmax` (logits without lost digits) and `class_axis` (where
the classes are). `blockwise` cuts into blocks and adds; `types` names what comes back.
"""

__all__: list[str] = []
