"""Pictures with a mask each: `images/` and `masks/` with the same names."""

import hashlib
import posixpath

from PIL import Image

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import IMAGE_SUFFIXES, Files, Format, Problems, path_split
from worker.contract.images import ImageUnreadableError, decode_mask
from worker.contract.items import Candidate, Item, Layout, Values
from worker.contract.recipe import Columns
from worker.contract.tables import TableUnreadableError

NAME = "masks"
IGNORED = 255
_IMAGES = {"images", "image", "imgs", "img", "jpegimages"}
_MASKS = {"masks", "mask", "instance_masks", "labels", "annotations", "segmentationclass"}
_MASKS |= {"segmentation", "gt", "groundtruth", "ground_truth", "label"}
_MOST_CLASSES = 64
_MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".gif")


def detect(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like pictures with masks."""
    del columns
    pairs = _pairs(files)
    with_mask = sum(mask is not None for mask in pairs.values())
    if not with_mask:
        return None
    reason = N_("{count} of {total} pictures have a mask of the same name.")
    params: dict[str, str | int] = {"count": with_mask, "total": len(pairs)}
    score = 82 if with_mask * 2 >= len(pairs) else 50
    return Candidate(format=NAME, score=score, reason=reason, params=params)


def _pairs(files: Files) -> dict[str, str | None]:
    """Return the mask of each picture in a folder of pictures."""
    masks: dict[tuple[str, str], str] = {}
    pictures: list[tuple[str, str, str]] = []
    for path in files.ending(*IMAGE_SUFFIXES):
        folder, name = posixpath.split(path)
        parts = folder.split("/")
        stem = posixpath.splitext(name)[0]
        for number, part in enumerate(parts):
            around = "/".join([*parts[:number], "*", *parts[number + 1 :]])
            if part.lower() in _MASKS and path.lower().endswith(_MASK_SUFFIXES):
                masks[around, stem.removesuffix("_mask")] = path
            elif part.lower() in _IMAGES:
                pictures.append((path, around, stem))
    return {path: masks.get((around, stem)) for path, around, stem in pictures}


def read(files: Files, columns: Columns) -> Layout:
    """Return the pictures with the paths of their masks; `notes` say how to read them."""
    del columns
    layout, problems = Layout(), Problems()
    held: list[tuple[str, Values, set[int]]] = []
    for picture, mask in _pairs(files).items():
        if mask is None:
            problems.add("MASK_MISSING", picture)
            continue
        values = _values(files, picture, mask, problems)
        if values is not None:
            held.append((picture, *values))
    kind, names = _meaning(files, [numbers for _, _, numbers in held], layout)
    for picture, row, numbers in held:
        seen = {names[1]} if kind != "classes" else {names[n] for n in numbers if n in names}
        labels = tuple(sorted(seen)) if numbers - {0} else ()
        layout.items.append(Item(picture, "", path_split(picture), values=row, labels=labels))
    layout.notes |= {"mask": kind, "classes": "\n".join(names[n] for n in sorted(names))}
    layout.findings += [*files.findings.values(), *problems.findings()]
    return layout


def _values(
    files: Files, picture: str, mask: str, problems: Problems
) -> tuple[Values, set[int]] | None:
    try:
        content = files.read(mask)
        decoded = decode_mask(content)
    except (ImageUnreadableError, TableUnreadableError) as error:
        code = "MASK_COLORS" if "of mode" in str(error) else "MASK_UNREADABLE"
        problems.add(code, f"{mask} ({error})")
        return None
    if files.picture_size(picture) not in {None, decoded.size}:
        problems.add("SIZE_DIFFERS", mask)
        return None
    # The path alone would not tell that a mask was painted anew.
    sha256 = hashlib.sha256(content).hexdigest()
    return {"mask": mask, "mask_sha256": sha256}, numbers_of(decoded)


def numbers_of(mask: Image.Image) -> set[int]:
    """Return the numbers that the pixels of a mask have."""
    colors = mask.getcolors(maxcolors=mask.width * mask.height) or []
    return {int(value) for _, value in colors if isinstance(value, int)}


def _meaning(files: Files, seen: list[set[int]], layout: Layout) -> tuple[str, dict[int, str]]:
    """Return what the numbers mean (binary, classes, instances) and the names of the classes."""
    numbers = set().union(*seen) - {0}
    names = _names(files)
    if names is None and len(numbers) > 1:
        most = max(numbers - {IGNORED}, default=0)
        growing = {max(part - {IGNORED}, default=0) for part in seen}
        # Objects that are counted reach another number in almost every mask.
        if most > _MOST_CLASSES or len(growing) > max(8, len(seen) // 4):
            layout.findings.append(found("MASKS_COUNT_INSTANCES", most=most))
            return "instances", {0: "background", 1: "object"}
    if len(numbers) <= 1 and names is None:
        return "binary", {0: "background", 1: "object"}
    top = max(numbers - {IGNORED}, default=1)
    known = names or []
    return "classes", {
        n: known[n] if n < len(known) else "background" if n == 0 else f"class {n}"
        for n in range(max(top + 1, len(known)))
    }


def _names(files: Files) -> list[str] | None:
    for path in files.ending("classes.txt", "labels.txt", "label_names.txt"):
        return [line.strip() for line in (files.text(path) or "").splitlines() if line.strip()]
    return None


def class_image(content: bytes, kind: str) -> Image.Image:
    """Return a mask as class numbers (mode L): 0 is background, 255 belongs to no class.

    Args:
        content: the mask file.
        kind: what `notes["mask"]` of its layout says.

    Raises:
        ImageUnreadableError: damaged, or a colour picture.
    """
    mask = decode_mask(content)
    if kind == "classes":
        return mask.convert("L")
    if mask.mode == "I":
        mask = mask.point(lambda value: value * 256).convert("L")
    return mask.point(lambda value: 1 if value else 0)


FORMAT = Format(NAME, "image", detect, read)
