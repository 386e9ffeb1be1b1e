"""What `show_source` shows is the library's own code, and it stays valid Python."""

import ast
import inspect

import pytest

import companion.source
from companion.source import show_source


def documented(x):
    """Say something.

    At length.
    """
    # The reason.
    return x + 1


def one_line(x):
    """Say something."""
    return x


def only_documented():
    """Do nothing, and say so."""


# fmt: off
def crowded(): "Doc."; return 1  # noqa: E702
# fmt: on


def fenced():
    return "```python"


class Outer:
    """A class."""

    size: int = 3

    class Inner:
        """Nothing else."""

    def method(self):
        """Say something."""
        return """text
at the margin"""


def test_repr_is_the_source_without_its_docstring_and_with_its_comments():
    assert repr(show_source(documented)) == (
        "def documented(x):\n    # The reason.\n    return x + 1"
    )


def test_docstring_true_keeps_the_source_as_written():
    shown = show_source(documented, docstring=True)
    assert repr(shown) == inspect.getsource(documented).rstrip("\n")


def test_several_objects_stand_two_blank_lines_apart_in_the_order_given():
    assert repr(show_source(one_line, documented)) == (
        "def one_line(x):\n    return x\n\n\n"
        "def documented(x):\n    # The reason.\n    return x + 1"
    )


def test_class_loses_all_its_docstrings_and_nothing_else():
    assert repr(show_source(Outer)) == (
        "class Outer:\n    size: int = 3\n\n    class Inner:\n        ...\n\n"
        '    def method(self):\n        return """text\nat the margin"""'
    )


def test_method_is_shown_from_the_left_margin():
    assert repr(show_source(Outer.method)).startswith("def method(self):\n    return")


def test_body_of_nothing_but_a_docstring_becomes_an_ellipsis():
    assert repr(show_source(only_documented)) == "def only_documented():\n    ..."


def test_docstring_on_one_line_with_code_is_left_alone():
    assert repr(show_source(crowded)) == 'def crowded(): "Doc."; return 1  # noqa: E702'


@pytest.mark.parametrize("docstring", [False, True])
def test_a_whole_module_is_shown_and_stays_python(docstring):
    shown = repr(show_source(companion.source, docstring=docstring))
    assert ("What to show, in this order" in shown) is docstring
    names = [node.name for node in ast.parse(shown).body if hasattr(node, "name")]
    assert "show_source" in names


def test_markdown_is_a_fenced_python_block_around_the_repr():
    shown = show_source(one_line)
    assert shown._repr_markdown_() == f"```python\n{shown!r}\n```"


def test_fence_is_longer_than_any_run_of_backticks_in_the_source():
    markdown = show_source(fenced)._repr_markdown_()
    assert markdown.startswith("````python\n")
    assert markdown.endswith("\n````")


@pytest.mark.parametrize("thing", [len, 3, "text"], ids=repr)
def test_what_has_no_source_is_refused_with_a_sentence(thing):
    with pytest.raises(TypeError, match=f"written in Python, got {type(thing).__name__}"):
        show_source(thing)


def test_nothing_to_show_is_refused():
    with pytest.raises(TypeError, match="at least one"):
        show_source()
