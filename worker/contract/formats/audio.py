"""Recordings: one folder per class, or a table with what is said or what is heard."""

from collections import Counter

from worker.contract.base import N_
from worker.contract.findings import found
from worker.contract.formats.base import AUDIO_SUFFIXES, Files, Format, is_asked
from worker.contract.formats.folders import read_folders
from worker.contract.formats.media_table import MediaTable
from worker.contract.items import Candidate, Layout, listed
from worker.contract.recipe import Columns
from worker.contract.tables import SUFFIXES

_RARE = 3
_SHOWN_CHARACTERS = 20
TABLE = MediaTable(
    value="audio",
    aliases=("path", "file_name", "filename", "file", "wav", "clip", "audio_path", "wav_filename"),
    suffixes=AUDIO_SUFFIXES,
    missing_code="SOUND_MISSING",
    texts={"text": ("sentence", "transcript", "transcription", "normalized_text", "文本")},
)


def detect_folder(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like class folders of recordings."""
    del columns
    sounds = files.ending(*AUDIO_SUFFIXES)
    if not sounds:
        return None
    labels = read_folders(sounds, ()).labels
    if len(labels) > 1:
        reason = N_("Recordings lie in {count} folders, one per class: {classes}.")
        params: dict[str, str | int] = {"count": len(labels), "classes": listed(labels, 5)}
        return Candidate(format="audio-folder", score=60, reason=reason, params=params)
    reason = N_("There are {count} recordings, but not in several class folders.")
    return Candidate(format="audio-folder", score=15, reason=reason, params={"count": len(sounds)})


def read_folder(files: Files, columns: Columns) -> Layout:
    """Return the recordings with their classes."""
    del columns
    folders = read_folders(files.ending(*AUDIO_SUFFIXES), files.everything)
    layout = Layout(items=folders.items, empty_classes=folders.empty_classes)
    if folders.outside:
        layout.findings.append(found("FILES_OUTSIDE", folders.outside))
    return layout


def detect_table(files: Files, columns: Columns) -> Candidate | None:
    """Return how much a data set looks like a table that names recordings."""
    if not files.ending(*AUDIO_SUFFIXES) or not files.ending(*SUFFIXES):
        return None
    best = TABLE.share(files, columns)
    if best is None or (best[2] == 0 and not is_asked(columns, "audio")):
        return None
    reason = N_("The column {column} of {table} names recordings that are there.")
    params: dict[str, str | int] = {"column": best[1], "table": best[0]}
    score = 74 + int(best[2] * 10)
    return Candidate(format="audio-table", score=score, reason=reason, params=params)


def read_table(files: Files, columns: Columns) -> Layout:
    """Return the recordings with their texts or classes."""
    layout = TABLE.read(files, columns)
    counts = Counter(char for item in layout.items for char in str(item.values.get("text", "")))
    silent = [item.path for item in layout.items if not str(item.values.get("text", "x")).strip()]
    if silent:
        layout.findings.append(found("TRANSCRIPT_EMPTY", silent, first=silent[0]))
    rare = "".join(sorted(char for char, count in counts.items() if count < _RARE))
    if rare:
        layout.findings.append(
            found("TRANSCRIPT_ODD", count=len(counts), characters=rare[:_SHOWN_CHARACTERS])
        )
    return layout


FOLDER = Format("audio-folder", "audio", detect_folder, read_folder)
TABLE_FORMAT = Format("audio-table", "audio", detect_table, read_table)
