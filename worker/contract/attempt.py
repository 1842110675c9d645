"""What a worker puts in front of one attempt, and how the attempt's process answers.

A job folder holds `job.json` (this schema). The process appends events to `events.jsonl`, writes
checkpoints to `out/checkpoints/`, the result to `out/result/`, and on failure `failure.json`.
"""

from typing import Literal

from worker.contract.base import Wire
from worker.contract.work import Work

EXIT_OK = 0
EXIT_FAILED = 3
EXIT_STOPPED = 75

JOB_FILE = "job.json"
EVENTS_FILE = "events.jsonl"
FAILURE_FILE = "failure.json"
CHECKPOINTS_FOLDER = "out/checkpoints"
RESULT_FOLDER = "out/result"
CACHE_FOLDER = "cache"


class AttemptJob(Wire):
    """Where everything an attempt needs lies on the worker's disk.

    `inputs` holds a folder for each role: `data`; `base`, or `base-1`, `base-2` … for a ranking,
    missing only for random weights; `test` when the test data are another repository.
    `resume_dir` is a checkpoint folder to continue from; `shelf_dir` holds features of earlier
    runs, to be read only. What an attempt computes of that kind it leaves in `cache/features`.
    """

    schema_version: Literal[1] = 1
    plan: Work
    inputs: dict[str, str]
    resume_dir: str | None = None
    shelf_dir: str | None = None
