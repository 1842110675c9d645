import pytest
import torch
from torch import nn

from worker.export.prune import find_chains, heal, prune_channels, prune_weights


def conv_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16),
        nn.Conv2d(16, 8, 1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 12),
        nn.ReLU(),
        nn.Linear(12, 3),
    )


def test_channels_go_through_norms_depthwise_layers_and_a_flatten() -> None:
    network = conv_net()
    assert [(chain.source, chain.target) for chain in find_chains(network)] == [
        ("0", "4"),
        ("4", "7"),
        ("7", "9"),
    ]
    done = prune_channels(network, 0.5)
    assert network[0].weight.shape == (8, 3, 3, 3)
    assert network[3].weight.shape == (8, 1, 3, 3)
    assert network[7].weight.shape == (6, 4 * 16)
    assert done.after == sum(parameter.numel() for parameter in network.parameters()) < done.before
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 3)


def test_taking_out_channels_that_are_zero_changes_nothing() -> None:
    network = conv_net().eval()
    with torch.no_grad():
        for layer, channels in ((network[0], 8), (network[4], 4), (network[7], 6)):
            layer.weight[:channels] = 0
            if layer.bias is not None:
                layer.bias[:channels] = 0
        network[1].weight[:8] = 0
        network[1].bias[:8] = 0
        network[3].bias[:8] = 0
        picture = torch.randn(2, 3, 8, 8)
        before = network(picture)
        prune_channels(network, 0.5)
        assert torch.allclose(network(picture), before, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_known_networks_shrink_and_still_run(name: str) -> None:
    import torchvision

    network = torchvision.models.get_model(name, weights=None, num_classes=5).eval()
    done = prune_channels(network, 0.4)
    assert done.after < 0.75 * done.before
    assert network(torch.randn(1, 3, 64, 64)).shape == (1, 5)


def test_a_network_that_cannot_be_followed_keeps_its_size() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.layer(inputs) if inputs.sum() > 0 else inputs

    done = prune_channels(Forked(), 0.5)
    assert (done.chains, done.after) == (0, done.before)


def test_zeroed_weights_are_counted_and_the_network_keeps_its_size() -> None:
    network = conv_net()
    done = prune_weights(network, 0.5)
    weights = [network.get_parameter(f"{place}.weight") for place in (0, 3, 4, 7, 9)]
    total = sum(weight.numel() for weight in weights)
    assert sum(int((weight == 0).sum()) for weight in weights) == round(total / 2)
    assert done.before == done.after
    assert 0.4 < done.sparsity < 0.6


def test_healing_lowers_the_loss_and_keeps_zeros() -> None:
    network = conv_net()
    prune_weights(network, 0.5)
    zeros = network[7].weight == 0
    torch.manual_seed(1)
    pictures, labels = torch.randn(24, 3, 8, 8), torch.arange(24) % 3
    loss = nn.CrossEntropyLoss()
    before = float(loss(network.eval()(pictures), labels).detach())
    heal(network, [[pictures]] * 30, lambda batch: loss(network(batch), labels), 0.01)
    assert float(loss(network(pictures), labels).detach()) < before / 2
    assert bool((network[7].weight[zeros] == 0).all())
    assert not network.training
