"""Import a file that lies outside the packages: a tool, an extension, a benchmark."""

import importlib.util
import sys


def load(path):
    """Return the module of this file; it stays registered, as its dataclasses need.

    As for a script, the files beside it can be imported.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module
