"""model.json: which files a model has, with their sizes and sha256, and how it is run."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .progress import Report

MANIFEST = "model.json"
_BLOCK = 4 * 1024 * 1024

#: What the plan says about a model, taken over as it is.
_FROM_PLAN = ("name", "version", "description", "family", "license", "kinds", "uses_parameters", "load_time_ms", "timeout_s")
_FROM_PLAN_IF_GIVEN = ("images_max",)


class ExportError(Exception):
    """Something that the person who adds the model can mend; the text says how."""


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _files(target: Path, report: Report) -> list[dict[str, Any]]:
    """A README is for people, and may change without the model."""
    paths = sorted(path for path in target.rglob("*") if path.is_file() and path.name not in (MANIFEST, "README.md") and not path.name.startswith("."))
    listed = []
    for index, path in enumerate(paths):
        report("hashing", index, len(paths))
        listed.append({"path": path.relative_to(target).as_posix(), "sha256": sha256_of(path), "bytes": path.stat().st_size})
    return listed


def _check_paths(files: list[dict[str, Any]], exported: dict[str, Any]) -> None:
    listed = {file["path"] for file in files}
    named = [path for variant in exported["variants"] for path in variant["graphs"].values()]
    named += list(exported.get("assets", {}).values())
    missing = sorted({path for path in named if path not in listed})
    if missing:
        raise ExportError(f"the exporter named files that it did not write: {', '.join(missing)}")


def write_manifest(target: Path, plan: dict[str, Any], exported: dict[str, Any], sources: list[dict[str, Any]], report: Report) -> Path:
    """Last of all: a folder with a model.json is a whole model."""
    files = _files(target, report)
    _check_paths(files, exported)
    manifest = {
        "manifest_version": 1,
        **{key: plan[key] for key in _FROM_PLAN},
        **{key: plan[key] for key in _FROM_PLAN_IF_GIVEN if plan.get(key) is not None},
        "files": files,
        "variants": exported["variants"],
        **{key: exported[key] for key in ("assets", "loras") if exported.get(key)},
        "sources": sources,
        "settings": exported.get("settings", {}),
    }
    draft = target / f".{MANIFEST}"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target / MANIFEST)
    return target / MANIFEST
