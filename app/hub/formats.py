"""Which files can run code when they are loaded: kept and handed out here, and never opened.

No scanner of such files can be trusted to find every attack, so nothing is ever called safe
because nothing was found. A file is a risk by its name or by how it begins; only formats that
cannot carry code at all are left without the remark.
"""

from pathlib import PurePosixPath

_SUFFIXES = frozenset({
    ".pkl", ".pickle", ".pck", ".pcl", ".dill", ".joblib", ".pt", ".pth", ".bin", ".ckpt",
    ".t7", ".mar", ".nemo", ".h5", ".hdf5", ".keras", ".pb", ".onnx", ".tflite", ".npy",
    ".npz", ".mlmodel", ".ot", ".th", ".tar", ".pdparams", ".pdmodel", ".skops", ".cbm",
    ".rds", ".rda", ".exe", ".so", ".dll", ".dylib", ".py", ".pyc", ".sh", ".ipynb", ".jar",
    ".whl",
})  # fmt: skip
_PICKLE = b"\x80"
_PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_PROGRAMS = (b"\x7fELF", b"MZ", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
HEAD_BYTES = 4096


def may_run_code(path: str, head: bytes = b"") -> bool:
    """Whether loading this file may run what its author wrote; `head` is how it begins."""
    if PurePosixPath(path.lower()).suffix in _SUFFIXES:
        return True
    is_pickle = head[:1] == _PICKLE and head[1:2] in _PROTOCOLS
    is_archive = head.startswith(_ZIP) and b".pkl" in head[:HEAD_BYTES]
    return is_pickle or is_archive or head.startswith((_HDF5, *_PROGRAMS))
