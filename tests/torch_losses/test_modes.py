"""What watches the operations is seen, each by its own sign."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from companion.torch_losses._modes import are_hidden, functionalizing, in_forward_mode, is_plain


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
    with torch.autograd.forward_ad.dual_level():
        assert in_forward_mode()


def test_functionalize_is_refused_around_a_derivative_with_what_to_take():
    assert not functionalizing()
    with pytest.raises(NotImplementedError, match=r"functionalize: expected .*; take .*make_fx"):
        signs(lambda look, x: torch.func.functionalize(torch.func.grad(lambda x: look(x).sum()))(x))
