import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from worker.explain.choice import choose
from worker.explain.gradcam import grad_cam, last_feature_map, likeness, randomise
from worker.explain.integrated import integrated_gradients, token_gradients
from worker.explain.pictures import overlay, save_picture

SIDE, OBJECT = 24, 10


def planted(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return noisy pictures with one square of one of three textures, classes and its places."""
    torch.manual_seed(seed)
    pictures = torch.randn(count, 3, SIDE, SIDE) * 0.3
    labels = torch.arange(count) % 3
    masks = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    grid = torch.arange(OBJECT)
    textures = (grid[:, None] % 2, grid[None] % 2, (grid[:, None] + grid[None]) // 2 % 2)
    for number in range(count):
        top, left = torch.randint(0, SIDE - OBJECT, (2,)).tolist()
        texture = textures[int(labels[number])].expand(OBJECT, OBJECT) * 4.0 - 2.0
        pictures[number, :, top : top + OBJECT, left : left + OBJECT] += texture
        masks[number, top : top + OBJECT, left : left + OBJECT] = True
    return pictures, labels, masks


@pytest.fixture(scope="module")
def trained() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    pictures, labels, _ = planted(192, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(8):
        for rows in torch.randperm(192).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(pictures[rows]), labels[rows]).backward()
            optimizer.step()
    return network.eval()


def test_grad_cam_points_at_the_object_that_was_planted(trained: nn.Module) -> None:
    pictures, labels, masks = planted(60, 2)
    assert float((trained(pictures).argmax(1) == labels).float().mean()) > 0.9
    layer = last_feature_map(trained, pictures)
    assert layer == "5"
    maps = grad_cam(trained, layer, pictures, labels)
    inside = (maps * masks).sum((1, 2)) / maps.sum((1, 2)).clamp_min(1e-9)
    assert maps.shape == (60, SIDE, SIDE)
    assert float(inside.mean()) >= 0.6


def test_random_weights_change_what_is_shown(trained: nn.Module) -> None:
    pictures, labels, _ = planted(30, 3)
    other = copy.deepcopy(trained)
    randomise(other, 5)
    shown = grad_cam(trained, "5", pictures, labels)
    assert likeness(shown, shown) == pytest.approx(1)
    assert likeness(shown, grad_cam(other, "5", pictures, labels)) < 0.6


def test_a_frozen_network_is_explained_and_keeps_its_gradients_clean(trained: nn.Module) -> None:
    network = copy.deepcopy(trained).requires_grad_(requires_grad=False)
    pictures, labels, _ = planted(6, 4)
    shown = grad_cam(network, "5", pictures, labels)
    assert torch.allclose(shown, grad_cam(trained, "5", pictures, labels))
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("torchvision/resnet18", "layer4.1.relu"),
        ("torchvision/mobilenet_v2", "features.18.2"),
        ("timm/test_vit", None),
    ],
)
def test_the_layer_is_found_where_there_is_one(name: str, layer: str | None) -> None:
    from worker.modeling.architectures import build_architecture

    library, _, architecture = name.partition("/")
    network = build_architecture(library, architecture).eval()
    side = 160 if architecture == "test_vit" else 96
    assert last_feature_map(network, torch.zeros(1, 3, side, side)) == layer


def test_integrated_gradients_add_up_to_the_change_of_the_score(trained: nn.Module) -> None:
    pictures, labels, masks = planted(4, 6)
    for number in range(4):
        one = pictures[number : number + 1]
        found, missed = integrated_gradients(trained, one, int(labels[number]))
        both = torch.cat((one, torch.zeros_like(one)))
        scores = trained(both).detach()[:, labels[number]]
        assert missed <= 0.05
        assert float(found.sum()) == pytest.approx(float(scores[0] - scores[1]), rel=0.051)
        strength = found.abs().sum(1)[0]
        assert float(strength[masks[number]].sum() / strength.sum()) > 0.6


def test_words_that_decide_get_the_weight() -> None:
    torch.manual_seed(0)
    embedding = nn.Embedding(12, 6)
    head = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))

    def forward(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        kept = embedding(ids) * mask[..., None]
        return head(kept.sum(1) / mask.sum(1, keepdim=True))

    # Token 5 makes a text good, token 6 bad; 1 and 2 frame it, 0 is the padding.
    ids = torch.randint(7, 12, (200, 8))
    labels = torch.arange(200) % 2
    ids[:, 0], ids[:, 7], ids[:, 3] = 1, 2, torch.where(labels == 1, 5, 6)
    mask = torch.ones_like(ids)
    parameters = [*embedding.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(forward(ids, mask), labels).backward()
        optimizer.step()
    weights, missed = token_gradients(forward, embedding, (ids[1:2], mask[1:2]), 1, 0)
    assert missed <= 0.05
    assert int(weights[0].argmax()) == 3
    assert float(weights[0, 3]) > 2 * float(weights[0].abs().sum() - weights[0, 3].abs()) / 7


def test_a_third_of_each_kind_is_chosen_and_no_sample_twice() -> None:
    sure = torch.tensor([9.0, 4.0, 0.1, 8.0, 0.2, 3.0])
    scores = torch.stack((sure, torch.zeros(6)), dim=1)
    labels = torch.tensor([0, 0, 0, 1, 0, 1])
    found = choose(scores, labels, 6)
    assert [(item.place, item.why) for item in found] == [
        (0, "confident-right"),
        (1, "confident-right"),
        (3, "confident-wrong"),
        (5, "confident-wrong"),
        (2, "uncertain"),
        (4, "uncertain"),
    ]
    assert len(choose(scores, labels, 60)) == 6


def test_a_picture_is_grey_where_nothing_counted(tmp_path: Path) -> None:
    shown = torch.zeros(3, 16, 16)
    shown[0] = 1.0
    where = torch.zeros(16, 16)
    where[:8] = 1.0
    save_picture(tmp_path / "deep" / "map.png", overlay(shown, where))
    pixels = np.asarray(Image.open(tmp_path / "deep" / "map.png"))
    assert pixels.shape == (256, 256, 3)
    assert len({*pixels[250, 3].tolist()}) == 1
    assert len({*pixels[3, 3].tolist()}) > 1
