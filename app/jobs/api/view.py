"""From rows to what the API shows."""

from collections.abc import Sequence
from urllib.parse import quote

from app.datasets.schemas import FindingOut as DataFindingOut
from app.jobs.schemas import (
    ArtifactOut,
    AttemptOut,
    CheckOut,
    CheckpointOut,
    EventOut,
    FileOut,
    FindingOut,
    InputOut,
    JobItem,
    LogLineOut,
)
from app.jobs.service.examination import Examined
from app.jobs.service.records import headline_of
from app.jobs.tables import Artifact, Attempt, Checkpoint, Job, JobEvent, JobInput, LogLine


def input_out(item: JobInput) -> InputOut:
    """Return one repository the job reads."""
    return InputOut.model_validate(
        {"role": item.role, "kind": item.kind, "repo": item.name, "commit": item.commit}
    )


def job_item(job: Job, inputs: Sequence[JobInput]) -> JobItem:
    """Return a job for a list."""
    return JobItem(
        id=job.id,
        kind=job.kind,
        title=job.title,
        task=job.task,
        state=job.state,
        attempt=job.attempt,
        queue=job.queue,
        progress=job.progress,
        cancel_requested=job.cancel_requested,
        headline=headline_of(job),
        inputs=[input_out(item) for item in inputs],
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def event_out(event: JobEvent) -> EventOut:
    """Return one event."""
    return EventOut(
        seq=event.seq,
        attempt=event.attempt,
        kind=event.kind,
        time=event.created_at,
        payload=event.payload,
    )


def log_line_out(line: LogLine) -> LogLineOut:
    """Return one log line."""
    return LogLineOut(
        number=line.number, attempt=line.attempt, time=line.created_at, line=line.line
    )


def attempt_out(attempt: Attempt) -> AttemptOut:
    """Return one attempt."""
    return AttemptOut(
        number=attempt.number,
        worker=attempt.worker_name,
        outcome=attempt.outcome,
        resumed_epoch=attempt.resumed_epoch,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
    )


def checkpoint_out(checkpoint: Checkpoint) -> CheckpointOut:
    """Return one checkpoint."""
    files = [FileOut.model_validate(file) for file in checkpoint.files]
    return CheckpointOut(
        attempt=checkpoint.attempt,
        stage=checkpoint.stage,
        epoch=checkpoint.epoch,
        step=checkpoint.step,
        size=sum(file.size for file in files),
        files=files,
        metrics=checkpoint.metrics,
        created_at=checkpoint.created_at,
    )


def artifact_out(artifact: Artifact) -> ArtifactOut:
    """Return one file the job left."""
    return ArtifactOut(
        path=artifact.path,
        kind=artifact.kind,
        sha256=artifact.sha256,
        size=artifact.size,
        attempt=artifact.attempt,
        url=f"/api/v1/jobs/{artifact.job_id}/artifacts/{quote(artifact.path)}",
        created_at=artifact.created_at,
    )


def check_out(examined: Examined, queue: str) -> CheckOut:
    """Return the doctor's answer."""
    plan = examined.examination.plan
    findings = []
    for finding in examined.examination.findings:
        told = DataFindingOut.of(finding)
        path = told.files[0] if told.files else _key_of(finding.params)
        findings.append(
            FindingOut(
                code=told.code,
                severity=told.severity,
                path=path,
                message=told.message,
                fix=told.fix,
                files=told.files,
                total=told.total,
            )
        )
    return CheckOut(
        ok=plan is not None,
        findings=findings,
        plan=plan.model_dump(mode="json") if plan else None,
        plan_hash=plan.plan_hash if plan else None,
        queue=queue,
        needed=examined.needed,
    )


def _key_of(params: dict[str, str | int | float]) -> str:
    """Return the key of the recipe a finding is about, as far as it names one."""
    return f"train.stages.{params['stage']}" if "stage" in params else ""
