"""What the scripts of the surface tests begin with: many calls in one process, each by its name."""

# `outcome` gives "ok", or the class of the error and the status behind it, as a user's program
# would meet them; `table` does so for many calls at once.
PRELUDE = """
import warnings
warnings.simplefilter("ignore")
from huggingface_hub import CommitOperationAdd as Add
from huggingface_hub import CommitOperationCopy as Copy
from huggingface_hub import CommitOperationDelete as Delete
from huggingface_hub import HfFileSystem, hf_hub_download, snapshot_download
def outcome(call):
    try:
        call()
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", "")
        return f"{type(error).__name__} {status}".strip()
    return "ok"
def table(**calls):
    return {name: outcome(call) for name, call in calls.items()}
visitor = HfApi(token=False)
"""
