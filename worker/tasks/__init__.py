"""One file for each task: its data, its network, its loss and its measures."""

from importlib import import_module

from worker.contract.tasks import TaskName
from worker.task import Setting, Task


def task_of(name: TaskName, setting: Setting) -> Task:
    """Return the task of a plan. Its module, named as the task, is imported only here."""
    joined = setting.plan.recipe.multi_task is not None
    own = "multi_task" if joined else name.replace("-", "_")
    module = import_module(f"worker.tasks.{own}")
    task: Task = module.TASK(setting)
    return task
