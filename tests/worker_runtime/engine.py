"""Programs that stand where the engine stands, each showing one way a real process can behave.

A real training process cannot be made to ignore SIGTERM or to crash on demand. Each program is
plain Python text, because the fence around it hides the folder of the tests.
"""

_COMMON = """
import json, os, pathlib, signal, sys, time
job = pathlib.Path(sys.argv[sys.argv.index("--job") + 1])
seq = 0
def tell(kind, **values):
    global seq
    seq += 1
    line = json.dumps({"schema_version": 1, "seq": seq, "time": "2026-01-01T00:00:00Z",
                       "kind": kind, **values})
    with (job / "events.jsonl").open("a") as file:
        file.write(line + "\\n")
def save_checkpoint(epoch):
    name = f"out/checkpoints/epoch-{epoch}"
    (job / name).mkdir(parents=True)
    (job / name / "weights.bin").write_bytes(b"weights %d" % epoch)
    (job / name / "manifest.json").write_text("{}")
    tell("CheckpointSaved", path=name, sha256="0" * 64, epoch=epoch, stage=1, step=epoch, size=9)
def leave_result():
    folder = job / "out/result"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"accuracy": 0.5}))
    (folder / "model.safetensors").write_bytes(b"weights")
    files = [{"path": "model.safetensors", "sha256": "0" * 64, "size": 7, "kind": "weights"}]
    (folder / "manifest.json").write_text(json.dumps({"plan_hash": "x", "files": files}))
def train_for_ever():
    tell("RunStarted", total_epochs=2)
    while True:
        time.sleep(0.05)
"""

SUCCEEDS = (
    _COMMON
    + """
tell("RunStarted", total_epochs=2)
for epoch in (1, 2):
    tell("EpochFinished", epoch=epoch)
    save_checkpoint(epoch)
leave_result()
tell("RunFinished")
"""
)
MANY_EVENTS = (
    _COMMON
    + """
for number in range(1500):
    tell("StepsReported", number=number)
leave_result()
"""
)
STUBBORN = (
    _COMMON
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    while True:
        time.sleep(0.05)
train_for_ever()
"""
)
POLITE = (
    _COMMON
    + """
def stop(*_):
    save_checkpoint(1)
    sys.exit(75)
signal.signal(signal.SIGTERM, stop)
train_for_ever()
"""
)
FAILS = (
    _COMMON
    + """
print("tried with token tfj_9_1_123456789012_abcdefabcdef")
failure = {"code": "DIVERGED", "sentence": "s", "fix": "f", "detail": "in epoch 3"}
(job / "failure.json").write_text(json.dumps(failure))
sys.exit(3)
"""
)
CRASHES = _COMMON + "\nraise KeyError('a defect')\n"
RUNS_OUT_OF_MEMORY_IN_PYTHON = _COMMON + "\nraise MemoryError\n"
SEGFAULTS = _COMMON + "\nimport ctypes\nctypes.string_at(0)\n"
EATS_MEMORY = _COMMON + "\ntell('RunStarted')\nfood = bytearray(400_000_000)\ntrain_for_ever()\n"
LEAVES_NOTHING = _COMMON + "\ntell('RunStarted')\n"
LEAVES_A_LINK = (
    _COMMON
    + """
(job / "out/result").mkdir(parents=True)
(job / "out/result/result.json").symlink_to("/etc/hostname")
"""
)
READS_INPUT = (
    _COMMON
    + """
spec = json.loads((job / "job.json").read_text())
def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in pathlib.Path(folder).rglob("*"))
given = {**spec["inputs"], "resume": spec["resume_dir"]}
found = {name: names(place) for name, place in given.items() if place}
text = (pathlib.Path(spec["inputs"]["data"]) / "train/cat/one.txt").read_text()
tell("LogWritten", lines=[json.dumps(found), text])
leave_result()
"""
)
