"""One file for each mistake that the clinic names; `catalogue` holds them in order."""

__all__: list[str] = []
