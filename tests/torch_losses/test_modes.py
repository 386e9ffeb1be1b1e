"""What watches the operations is seen, each by its own sign."""

import warnings

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from companion.torch_losses._modes import (
    are_hidden,
    functionalizing,
    in_forward_mode,
    is_plain,
    makes_program,
    overridable,
    without_tangent,
)


def signs(run, x=None):
    """Return what the functions say within `run`, that is (plain, hidden)."""
    seen = []

    def look(x):
        seen.append((is_plain(x, None), are_hidden(x)))
        return x * 1

    run(look, torch.ones(1) if x is None else x)
    return seen[0]  # torch.jit.trace runs it once more, untraced


def fake(look, x):
    with FakeTensorMode() as mode:
        look(mode.from_tensor(x))


WATCHED = {  # with whether the numbers are hidden
    "vmap": (lambda look, x: torch.func.vmap(look)(x), False),
    "grad": (lambda look, x: torch.func.grad(lambda x: look(x).sum())(x), False),
    "functionalize": (lambda look, x: torch.func.functionalize(look)(x), True),
    "fake": (fake, True),
    "fake outside of its mode": (lambda look, x: look(FakeTensorMode().from_tensor(x)), True),
    "make_fx": (lambda look, x: make_fx(look)(x), True),
    "symbolic": (lambda look, x: make_fx(look, tracing_mode="symbolic")(x), True),
    "make_fx of vmap": (lambda look, x: make_fx(torch.func.vmap(look))(x), True),
    "trace": (lambda look, x: torch.jit.trace(look, x), True),
    "meta": (lambda look, x: look(x.to("meta")), True),
    "a subclass": (lambda look, x: look(x.as_subclass(type("Own", (torch.Tensor,), {}))), False),
}


def test_nothing_watches_a_tensor_or_parameter():
    assert signs(lambda look, x: look(x)) == (True, False)
    assert signs(lambda look, x: look(x), torch.nn.Parameter(torch.ones(1))) == (True, False)


@pytest.mark.parametrize(("run", "hidden"), WATCHED.values(), ids=WATCHED)
def test_whatever_watches_is_seen(run, hidden):
    assert signs(run) == (False, hidden)


def test_compiled_numbers_are_hidden():
    compiled = torch.compile(lambda x: x + int(are_hidden(x) > is_plain(x)), backend="eager")
    assert compiled(torch.ones(1)) == 2


def test_a_mode_that_only_looks_on_hides_nothing():
    with torch.utils.flop_counter.FlopCounterMode(display=False):
        assert not are_hidden(torch.ones(1))
        assert not is_plain(torch.ones(1))


def test_forward_mode_is_open_within_its_level_only():
    assert not in_forward_mode()
    with forward_ad.dual_level():
        assert in_forward_mode()


def test_functionalize_is_refused_around_a_derivative_with_what_to_take():
    assert not functionalizing()
    with pytest.raises(NotImplementedError, match=r"functionalize: expected .*; take .*make_fx"):
        signs(lambda look, x: torch.func.functionalize(torch.func.grad(lambda x: look(x).sum()))(x))


PROGRAMS = {
    "eager": (lambda look, x: look(x), False),
    "vmap": (lambda look, x: torch.func.vmap(look)(x), False),
    "trace": (lambda look, x: torch.jit.trace(look, x), False),
    "compile": (lambda look, x: torch.compile(look, backend="eager")(x), False),
    "functionalize": (lambda look, x: torch.func.functionalize(look)(x), True),
    "make_fx": (lambda look, x: make_fx(look)(x), True),
    "export": (lambda look, x: torch.export.export(_Module(look), (x,)), True),
}


class _Module(torch.nn.Module):
    def __init__(self, look):
        super().__init__()
        self.forward = look


@pytest.mark.parametrize(("run", "makes"), PROGRAMS.values(), ids=PROGRAMS)
def test_program_that_pytorch_may_differentiate_by_itself_is_known(run, makes):
    seen = []

    def look(x):
        seen.append(makes_program())
        return x * 1

    run(look, torch.ones(1))
    assert seen[0] == makes


def test_without_its_tangent_a_tensor_has_its_numbers_and_its_batch():
    x, one = torch.tensor([1.0, 2.0]), torch.ones(2)
    square = torch.func.vmap(lambda a: a * without_tangent(a))
    value, slope = torch.func.jvp(square, (x,), (one,))
    assert (value.tolist(), slope.tolist()) == ([1.0, 4.0], [1.0, 2.0])
    with forward_ad.dual_level():
        plain = without_tangent(forward_ad.make_dual(x, one))
        assert forward_ad.unpack_dual(plain).tangent is None
        assert plain.tolist() == x.tolist()


def test_overridable_function_is_one_call_of_a_symbolic_trace_and_warns_of_no_check():
    @overridable
    def double(x):
        if x.sum() < 0:
            raise ValueError
        return 2 * x

    assert double(torch.ones(1)) == 2
    graph = torch.fx.symbolic_trace(lambda x: double(x)).graph
    assert double in [node.target for node in graph.nodes]
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        assert torch.jit.trace(double, torch.ones(1))(torch.ones(1)) == 2
