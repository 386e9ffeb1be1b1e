"""The modules: PyTorch's signatures and state, and the functions with the options remembered."""

import copy
import inspect
import pickle

import pytest
import torch

from companion import torch_losses
from tests.tables.tensors import draw

MODULES = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"]


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_pytorchs_names_positions_and_defaults(name):
    theirs = list(inspect.signature(getattr(torch.nn, name)).parameters.values())
    ours = list(inspect.signature(getattr(torch_losses, name)).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.default) for p in theirs
    ]


def modules():
    weight, pos_weight = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])
    return {
        "BCELoss": {
            "weight": weight, "label_smoothing": 0.1, "ignore_index": 1, "reduction": "sum",
        },
        "BCEWithLogitsLoss": {
            "weight": weight, "pos_weight": pos_weight, "label_smoothing": 0.1, "ignore_index": 0,
            "reduction": "weighted_mean",
        },
        "CrossEntropyLoss": {"weight": weight, "label_smoothing": 0.1, "ignore_index": 2},
    }  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_module_is_its_function_with_the_options_remembered(name):
    z, y, _ = draw((4, 3))
    z, y = z.float(), y.float()
    options = modules()[name]
    module = getattr(torch_losses, name)(**options)
    function = {
        "BCELoss": torch_losses.binary_cross_entropy,
        "BCEWithLogitsLoss": torch_losses.binary_cross_entropy_with_logits,
        "CrossEntropyLoss": torch_losses.cross_entropy,
    }[name]
    first = torch.sigmoid(z) if name == "BCELoss" else z
    target = torch.tensor([0, 2, 1, 0]) if name == "CrossEntropyLoss" else y
    expected = function(first, target, **options)
    assert torch.equal(module(first, target), expected)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(first, target), expected)
    assert isinstance(module, getattr(torch.nn, name))
    assert repr(module) == f"{name}()"


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_its_weights_in_pytorchs_state(name):
    options = modules()[name]
    module = getattr(torch_losses, name)(**options)
    known = inspect.signature(getattr(torch.nn, name)).parameters
    theirs = getattr(torch.nn, name)(**{k: v for k, v in options.items() if k in known})
    assert module.state_dict().keys() == theirs.state_dict().keys()
    module.load_state_dict(theirs.state_dict())
    assert module.double().weight.dtype == torch.float64
    assert module.to("meta").weight.is_meta
    assert not getattr(torch_losses, name)().state_dict()


@pytest.mark.parametrize("name", ["BCELoss", "BCEWithLogitsLoss"])
def test_module_trains_a_network_as_pytorchs_does(name):
    z, _, _ = draw((32, 4))
    y = (z[:, :1] + 0.5 * z[:, 1:2] > 0).double()
    states = []
    for library in (torch.nn, torch_losses):
        torch.manual_seed(0)
        layers = [torch.nn.Linear(4, 1), torch.nn.Sigmoid()][: 2 if name == "BCELoss" else 1]
        network = torch.nn.Sequential(*layers).double()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
        criterion = getattr(library, name)()
        for _ in range(20):
            optimiser.zero_grad()
            criterion(network(z), y).backward()
            optimiser.step()
        states.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    torch.testing.assert_close(*states, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MODULES)
def test_pickled_module_is_found_by_its_public_name(name):
    assert f"companion.torch_losses\n{name}\n".encode() in pickle.dumps(
        getattr(torch_losses, name), protocol=0
    )


@pytest.mark.parametrize("name", MODULES)
def test_script_is_refused_with_the_way_out(name):
    network = torch.nn.Sequential(getattr(torch_losses, name)())
    with (
        pytest.warns(DeprecationWarning, match=r"jit\.script"),
        pytest.raises(NotImplementedError) as caught,
    ):
        torch.jit.script(network)
    assert "torch.jit.script: expected" in str(caught.value)
    assert f"got {name} " in str(caught.value)
    assert "; take torch.compile, torch.export" in str(caught.value)


@pytest.mark.parametrize("name", MODULES)
def test_symbolic_trace_keeps_the_loss_as_one_call(name):
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.criterion = getattr(torch_losses, name)(**modules()[name])

        def forward(self, first, target):
            return self.criterion(first, target)

    z, y, _ = draw((4, 3))
    first, target = torch.sigmoid(z), y
    network = Network()
    graph = torch.fx.symbolic_trace(network)
    assert [node.op for node in graph.graph.nodes if "call" in node.op] == ["call_function"]
    assert torch.equal(graph(first, target), network(first, target))
