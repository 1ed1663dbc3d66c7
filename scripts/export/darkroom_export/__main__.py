"""`python -m darkroom_export PLAN.json`: fetch, check what it takes, export, write model.json. See darkroom_export/__init__.py.

The plan (`darkroom models add` writes it):
  name, version, description, family, license, kinds, uses_parameters, images_max, load_time_ms, timeout_s   go into model.json
  precisions   what the family is asked for: a variant each
  sources      [{role, folder}] or [{role, repository, revision, patterns}]; the role "model" is the first argument of export,
               every other one an option of that name; {role, file, ...} for a single file
  adapters     [{name, path, weight_min, weight_max}]: those whose weight a job chooses
  options      further options of the family
  downloads    where repositories are kept until the model is whole
  target       the folder to fill; emptied first
"""

import importlib
import json
import os
import shutil
import stat
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from .manifest import ExportError, sha256_of, write_manifest
from .progress import report, say

_MODULES = {"qwen-image-edit": "qwen_image_edit", "sdxl": "sdxl", "causal-lm": "causal_lm"}


def _local(source: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    path = Path(source.get("folder") or source["file"])
    if not path.exists():
        raise ExportError(f"{path} does not exist.")
    return path, {"role": source["role"], "from": path.name, **({"sha256": sha256_of(path)} if path.is_file() else {})}


def _one_file(source: dict[str, Any], folder: Path) -> Path:
    if "file" not in source:
        return folder
    path = folder / source["file"]
    if not path.is_file():
        raise ExportError(f"{source['repository']} has no {source['file']}.")
    return path


def _fetch_all(plan: dict[str, Any]) -> tuple[dict[str, Path], list[dict[str, Any]]]:
    from . import download

    remote = [source for source in plan["sources"] if "repository" in source]
    found = {
        source["role"]: download.find(source["repository"], source["revision"], [source["file"]] if "file" in source else source["patterns"])
        for source in remote
    }
    free = shutil.disk_usage(plan["downloads"]).free
    needed = sum(snapshot.size for snapshot in found.values())
    if needed > free:
        raise ExportError(f"the download has {needed / 1e9:.1f} GB and {plan['downloads']} has room for {free / 1e9:.1f} GB.")
    paths, recorded = {}, []
    for source in plan["sources"]:
        role = source["role"]
        if "repository" not in source:
            paths[role], record = _local(source)
        else:
            snapshot = found[role]
            folder = Path(plan["downloads"]) / snapshot.repository.replace("/", "--") / snapshot.commit
            folder.mkdir(parents=True, exist_ok=True)
            paths[role] = _one_file(source, download.fetch(snapshot, folder))
            record = {"role": role, "from": snapshot.repository, "revision": snapshot.commit}
            if paths[role].is_file():
                record["sha256"] = sha256_of(paths[role])
        expected = source.get("sha256")
        if expected is not None and record.get("sha256") != expected:
            raise ExportError(f"{paths[role]} has the sha256 {record.get('sha256')} instead of {expected}.")
        recorded.append(record)
    return paths, recorded


def _adapter_options(family: str, adapters: list[dict[str, Any]]) -> dict[str, Any]:
    """Adapters as the family's exporter takes them."""
    if not adapters:
        return {}
    if family == "qwen-image-edit":
        weights = {one["name"]: [one["weight_min"], one["weight_max"]] for one in adapters}
        return {"adapter_weights": weights, **{f"adapter_{one['name']}": Path(one["path"]) for one in adapters}}
    if family == "sdxl":
        return {"loras": [{**one, "path": Path(one["path"])} for one in adapters]}
    raise ExportError(f"the family {family} takes no adapters (--lora).")


def _join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What several precisions gave, as one."""
    owner: dict[str, str] = {}
    for part in parts:
        for variant in part["variants"]:
            for path in variant["graphs"].values():
                if owner.setdefault(path, variant["precision"]) != variant["precision"]:
                    raise ExportError(f"{owner[path]} and {variant['precision']} both write {path}: add them as two models.")
    return {**parts[0], "variants": [variant for part in parts for variant in part["variants"]]}


def main(plan_path: str) -> None:
    plan = json.loads(Path(plan_path).read_text(encoding="utf-8"))
    module = _MODULES.get(plan["family"])
    if module is None:
        raise ExportError(f"the family {plan['family']} has no exporter; there are {', '.join(_MODULES)}.")
    paths, sources = _fetch_all(plan)
    target = Path(plan["target"])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    say("note", text=f"loading PyTorch and the exporter of {plan['family']}")
    family = importlib.import_module(f".{module}", __package__)
    source = paths.pop("model")
    options = {**paths, **_adapter_options(plan["family"], plan.get("adapters", [])), **plan.get("options", {})}
    exported = [family.export(source, target, precision=precision, report=report, **options) for precision in plan["precisions"]]
    write_manifest(target, plan, _join(exported), sources, report)
    say("done", target=str(target))


def _end_with_caller() -> None:
    """The command line holds a pipe to standard input; when it is killed, the pipe closes, and nobody wants this any more."""
    mode = os.fstat(0).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    _end_with_caller()
    try:
        main(sys.argv[1])
    except (ExportError, FileNotFoundError, MemoryError) as error:
        say("error", message=str(error) or "out of memory")
        sys.exit(1)
    except Exception as error:  # The CLI shows the last line; the rest is in its log.
        traceback.print_exc()
        say("error", message=f"{type(error).__name__}: {error}")
        sys.exit(1)
