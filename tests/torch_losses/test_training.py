"""Training scripts as people write them, with the import swapped: PyTorch's weights come out."""

import os
import socket

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.func import functional_call, grad, vmap

from companion import torch_losses

CLASSES, FEATURES, ROWS = 3, 5, 24


def data():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, FEATURES, generator=generator)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()


def network(outputs=CLASSES):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, outputs))


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def with_autocast_and_scaler(library, dtype):
    x, y = data()
    model = network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.05)
    scaler = torch.amp.GradScaler("cpu")
    criterion = library.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]))
    for _ in range(15):
        for rows in torch.arange(ROWS).chunk(3):
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype):
                loss = criterion(model(x[rows]), y[rows])
            scaler.scale(loss).backward()
            scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimiser)
            scaler.update()
    return weights_of(model)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_and_gradient_scaler(dtype):
    ours, theirs = (with_autocast_and_scaler(lib, dtype) for lib in (torch_losses, nn))
    assert (ours - weights_of(network())).abs().max() > 0.1, "it has not learnt"
    # The losses differ in their last bit, and bfloat16 turns it into one of its own here and there.
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02)


def each_rank(rank, port, loss, results):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    try:
        x, y = (part[rank::2] for part in data())
        model = nn.parallel.DistributedDataParallel(network(1))
        optimiser = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        criterion = loss(pos_weight=torch.tensor([2.0]))
        for _ in range(20):
            optimiser.zero_grad()
            criterion(model(x).squeeze(1), (y > 0).float()).backward()
            optimiser.step()
        results[rank] = weights_of(model).tolist()
    finally:
        distributed.destroy_process_group()


def in_two_processes(loss):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with multiprocessing.get_context("spawn").Manager() as manager:
        results = manager.dict()
        multiprocessing.spawn(each_rank, (port, loss, results), nprocs=2)
        return torch.tensor([results[0], results[1]])


def test_two_processes_with_distributed_data_parallel():
    ours, theirs = (in_two_processes(lib.BCEWithLogitsLoss) for lib in (torch_losses, nn))
    assert torch.equal(ours[0], ours[1])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def with_clipped_gradients_of_each_sample(function):
    x, y = data()
    model = network()
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters, row, label):
        return function(functional_call(model, parameters, (row[None],)), label[None])

    for _ in range(20):
        each = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in each.values()]).norm(dim=0)
        share = (0.5 / norms).clamp(max=1.0)
        for name, g in each.items():
            mean = torch.einsum("n,n...->...", share, g) / ROWS
            parameters[name] = parameters[name] - mean
    return torch.cat([p.flatten() for p in parameters.values()])


def test_gradients_of_each_sample():
    theirs = with_clipped_gradients_of_each_sample(nn.functional.cross_entropy)
    ours = with_clipped_gradients_of_each_sample(torch_losses.cross_entropy)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
