"""Without Numba, of the extra `fast`, there is nothing here to test."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("numba") else ["test_*.py"]
