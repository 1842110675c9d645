"""Pictures of plain shapes, with boxes as COCO writes them or with masks."""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from pydantic import JsonValue

KINDS = ("disc", "square")
_COLORS = {"disc": (220, 60, 40), "square": (40, 90, 220)}


def _picture(
    random: np.random.Generator, side: int, most: int
) -> tuple[Image.Image, Image.Image, list[tuple[str, list[int]]]]:
    noise = random.integers(90, 150, (side, side, 3)).astype(np.uint8)
    picture, mask = Image.fromarray(noise), Image.new("L", (side, side))
    found: list[tuple[str, list[int]]] = []
    for _ in range(int(random.integers(1, most + 1))):
        kind = KINDS[int(random.integers(0, 2))]
        size = int(random.integers(side // 5, side // 2 - side // 10))
        x, y = (int(random.integers(0, side - size)) for _ in range(2))
        overlaps = any(
            x < bx + bw and bx < x + size and y < by + bh and by < y + size
            for _, (bx, by, bw, bh) in found
        )
        if overlaps:
            continue
        place = [x, y, x + size - 1, y + size - 1]
        for canvas, fill in ((picture, _COLORS[kind]), (mask, KINDS.index(kind) + 1)):
            draw = ImageDraw.Draw(canvas)
            (draw.ellipse if kind == "disc" else draw.rectangle)(place, fill=fill)
        found.append((kind, [x, y, size, size]))
    return picture, mask, found


def write_boxes(
    root: Path, *, train: int, val: int, side: int = 64, most: int = 3, seed: int = 5
) -> Path:
    """Write pictures of shapes with an annotations.json for each split."""
    random = np.random.default_rng(seed)
    for split, count in (("train", train), ("val", val)):
        folder = root / split / "images"
        folder.mkdir(parents=True)
        images: list[JsonValue] = []
        annotations: list[JsonValue] = []
        for number in range(count):
            picture, _, found = _picture(random, side, most)
            picture.save(folder / f"{number}.png")
            images.append(
                {"id": number, "file_name": f"{number}.png", "width": side, "height": side}
            )
            for kind, box in found:
                annotations.append(
                    {
                        "id": len(annotations),
                        "image_id": number,
                        "category_id": KINDS.index(kind),
                        "bbox": [*box],
                        "area": box[2] * box[3],
                        "iscrowd": 0,
                    }
                )
        categories = [{"id": index, "name": name} for index, name in enumerate(KINDS)]
        value = {"images": images, "annotations": annotations, "categories": categories}
        (root / split / "annotations.json").write_text(json.dumps(value), encoding="utf-8")
    return root


def write_masks(
    root: Path, *, train: int, val: int, side: int = 64, most: int = 3, seed: int = 6
) -> Path:
    """Write pictures of shapes with masks of class numbers; the left edge belongs to no class."""
    random = np.random.default_rng(seed)
    for split, count in (("train", train), ("val", val)):
        for name in ("images", "masks"):
            (root / split / name).mkdir(parents=True)
        for number in range(count):
            picture, mask, _ = _picture(random, side, most)
            ImageDraw.Draw(mask).rectangle([0, 0, 1, side], fill=255)
            picture.save(root / split / "images" / f"{number}.png")
            mask.save(root / split / "masks" / f"{number}.png")
    (root / "classes.txt").write_text("background\ndisc\nsquare\n", encoding="utf-8")
    return root
