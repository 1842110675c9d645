"""What jobs do for the rest of the site; the modules beside this one hold the functions."""

from app.jobs.tables import Job, JobInput, LogLine, Point, Worker

__all__ = ["Job", "JobInput", "LogLine", "Point", "Worker"]
