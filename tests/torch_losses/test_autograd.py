"""A formula with written derivatives gives them in eager mode, under torch.func and compiled."""

import warnings

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import jacfwd

from companion.torch_losses._autograd import differentiable, with_value

F64 = torch.float64


def formula(x, y, power):
    return (x.detach() ** power) * y.detach()  # autograd alone would find no derivative here


def slopes(x, y, power):
    return power * x ** (power - 1) * y, x**power


def backward(grad, wanted, x, y, power):
    return tuple(grad * s if w else None for s, w in zip(slopes(x, y, power), wanted, strict=False))


def forward_mode(tangents, x, y, power):
    terms = zip(tangents, slopes(x, y, power), strict=False)
    return sum(t * s for t, s in terms if t is not None)


function = differentiable(formula, backward, forward_mode)


def at(*numbers):
    return [torch.tensor(number, dtype=F64, requires_grad=True) for number in numbers]


def test_eager_backward_and_second_order():
    x, y = at(3.0, 5.0)
    gradients = torch.autograd.grad(function(x, y, 3), (x, y), create_graph=True)
    assert [float(g.detach()) for g in gradients] == [135.0, 27.0]
    assert torch.autograd.grad(gradients[0], x)[0] == 90


def test_forward_mode_in_one_argument_and_in_both():
    x, y = at(3.0, 5.0)
    with torch.no_grad(), forward_ad.dual_level():
        one = function(forward_ad.make_dual(x.detach(), torch.ones((), dtype=F64)), y.detach(), 3)
        assert forward_ad.unpack_dual(one).tangent == 135
    assert torch.autograd.gradcheck(lambda x, y: function(x, y, 3), (x, y), check_forward_ad=True)


def test_transforms_compose():
    xs, ys = torch.tensor([1.0, 2.0], dtype=F64), torch.tensor([5.0, 7.0], dtype=F64)

    def value(x, y):
        return function(x, y, 2)

    assert torch.func.vmap(torch.func.grad(value))(xs, ys).tolist() == [10.0, 28.0]
    assert torch.func.vmap(torch.func.hessian(value))(xs, ys).tolist() == [10.0, 14.0]
    assert torch.func.jvp(value, (xs, ys), (xs, ys))[1].tolist() == [15.0, 84.0]


@pytest.mark.parametrize(
    "nest",
    [
        lambda f: jacfwd(jacfwd(jacfwd(f))),
        lambda f: jacfwd(torch.func.hessian(f)),
        lambda f: torch.func.jacrev(jacfwd(jacfwd(f))),
        lambda f: lambda x: torch.func.vmap(jacfwd(jacfwd(jacfwd(f))))(x[None])[0],
    ],
    ids=["forward thrice", "forward of Hessian", "reverse of both", "vmap"],
)
def test_forward_mode_may_stand_inside_forward_mode(nest):
    x, y = torch.tensor(2.0, dtype=F64), torch.tensor(5.0, dtype=F64)
    assert nest(lambda x: function(x, y, 5))(x) == 60 * 4 * 5
    assert jacfwd(jacfwd(lambda x: function(x, y, 5)), 0)(x) == 20 * 8 * 5
    assert jacfwd(jacfwd(lambda x, y: function(x, y, 5), 1), 0)(x, y) == 5 * 16


def test_compiled_without_a_break():
    x, y = at(3.0, 5.0)
    compiled = torch.compile(lambda x, y: function(x, y, 3), fullgraph=True, backend="aot_eager")
    loss = compiled(x, y)
    loss.backward()
    assert (float(loss.detach()), float(x.grad), float(y.grad)) == (135.0, 135.0, 27.0)


def test_within_a_transform_the_compiler_breaks_its_graph_or_says_so():
    x, y = torch.tensor(3.0, dtype=F64), torch.tensor(5.0, dtype=F64)

    def slope(x):
        return torch.func.grad(lambda x: function(x, y, 3))(x)

    with pytest.raises(torch._dynamo.exc.Unsupported, match="leave out fullgraph=True"):
        torch.compile(slope, backend="aot_eager", fullgraph=True)(x)
    assert torch.compile(slope, backend="aot_eager")(x) == 135


def test_graphs_that_are_traced_have_the_written_derivative():
    x, y = at(3.0, 5.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*torch.jit.trace.* is deprecated", DeprecationWarning)
        traced = torch.jit.trace(lambda x, y: function(x, y, 3), (x, y))
    traced(x, y).backward()
    assert (float(x.grad), float(y.grad)) == (135.0, 27.0)


def test_where_no_function_can_stand_there_is_the_formula():
    x, y = (number.detach() for number in at(3.0, 5.0))
    assert torch.func.functionalize(lambda x: function(x, y, 3))(x) == 135

    class Module(torch.nn.Module):
        def forward(self, x):
            return function(x, y, 3)

    program = torch.export.export(Module(), (x,))
    assert program.module()(x) == 135
    names = [str(node.target) for node in program.graph.nodes]
    assert not any("autograd" in name for name in names)


def test_compiler_would_pass_over_a_written_derivative_within_a_transform():
    """Where this fails, PyTorch has learned it, and the break of the graph can go."""

    class Written(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x**2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, grad):
            return 100 * grad

    slope = torch.func.grad(Written.apply)
    x = torch.tensor(3.0)
    assert slope(x) == 100
    assert torch.compile(slope, fullgraph=True, backend="aot_eager")(x) == 6


def test_value_of_one_formula_has_the_derivatives_of_another():
    x = torch.tensor([0.5, 2.0, 3.0], dtype=F64, requires_grad=True)
    value = torch.tensor([7.0, torch.inf, 5.0], dtype=F64)
    differentiated = x.sin() + torch.tensor([0.0, torch.inf, torch.nan], dtype=F64)
    result = with_value(differentiated, value)
    assert result.tolist() == value.tolist()
    (slope,) = torch.autograd.grad(result[:2].sum(), x)
    torch.testing.assert_close(slope[:2], x.detach().cos()[:2])


def test_value_that_overflows_is_that_of_the_formula_that_does_not():
    two = torch.tensor(2.0, requires_grad=True)
    assert with_value(two, torch.tensor(torch.inf)) == 2
