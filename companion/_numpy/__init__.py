"""How the NumPy losses are run; read `elementwise` first.

`elementwise` and `categorical` hold what every call has in common; `binary` and `softmax` the
formulas for one block; `blockwise` cuts into blocks and adds; `class_axis` finds the classes.
"""

__all__: list[str] = []
