"""Weights from a Hugging Face repository: resumed where they broke off, checked against the repository's own sums."""

import fnmatch
import hashlib
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from .manifest import ExportError, sha256_of
from .progress import DownloadProgress, say

_FILES_AT_ONCE = 4
_TIMEOUT_S = 60
_BLOCK = 1024 * 1024


@dataclass(frozen=True)
class RemoteFile:
    path: str
    size: int
    sha256: str | None
    """Of files in large-file storage: all weights."""
    git_id: str | None
    """Of small files: git's SHA-1 of the content."""


@dataclass(frozen=True)
class Snapshot:
    repository: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def find(repository: str, revision: str, patterns: list[str]) -> Snapshot:
    """What there is to fetch, without fetching it."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().model_info(repository, revision=revision, files_metadata=True)
    except GatedRepoError as error:
        raise ExportError(
            f"{repository} asks for an account that accepted its licence: accept it on its page, then run `hf auth login` or set HF_TOKEN."
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ExportError(f"there is no {repository} at revision {revision}, or it is private (HF_TOKEN).") from error
    except Exception as error:  # no network: huggingface_hub has no common type for what its HTTP client throws
        raise ExportError(f"{repository} could not be asked for: {error}. Check the network, or use --from FOLDER.") from error
    files = tuple(
        RemoteFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else None, one.blob_id)
        for one in info.siblings or []
        if any(fnmatch.fnmatchcase(one.rfilename, pattern) for pattern in patterns)
    )
    if not files:
        raise ExportError(f"{repository} has no file that matches {', '.join(patterns)}.")
    return Snapshot(repository, info.sha or revision, files)


def _git_id(path: Path) -> str:
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    digest.update(path.read_bytes())
    return digest.hexdigest()


def _problem(path: Path, file: RemoteFile) -> str | None:
    if path.stat().st_size != file.size:
        return f"it has {path.stat().st_size} bytes instead of {file.size}"
    if file.sha256 is not None:
        actual = sha256_of(path)
        return None if actual == file.sha256 else f"its sha256 is {actual} instead of {file.sha256}"
    actual = _git_id(path)
    return None if file.git_id in (None, actual) else f"its git id is {actual} instead of {file.git_id}"


def _append(url: str, headers: dict[str, str], path: Path, progress: DownloadProgress) -> None:
    """Goes on with what is in the file. huggingface_hub itself begins a file anew in every process, and one has up to 10 GB."""
    start = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(url)
    # The content comes from another host by a redirect, and the token is none of its business.
    for name, value in headers.items():
        request.add_unredirected_header(name, value)
    if start > 0:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        is_rest = response.status == 206
        progress.add(start if is_rest else 0)
        with path.open("ab" if is_rest else "wb") as file:
            while block := response.read(_BLOCK):
                file.write(block)
                progress.add(len(block))


def _fetch_one(snapshot: Snapshot, file: RemoteFile, folder: Path, progress: DownloadProgress) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    path = folder / file.path
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ExportError(f"{snapshot.repository} has a file outside itself: {file.path}.")
    if path.exists():
        progress.add(file.size)
        return
    partial = path.with_name(f"{path.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    if not partial.exists() or partial.stat().st_size < file.size:
        _append(hf_hub_url(snapshot.repository, file.path, revision=snapshot.commit), build_hf_headers(), partial, progress)
    if partial.stat().st_size < file.size:
        raise ConnectionError(f"{file.path} ended after {partial.stat().st_size} of {file.size} bytes")
    problem = _problem(partial, file)
    if problem is not None:
        partial.unlink()
        raise ExportError(f"{snapshot.repository}/{file.path} arrived wrong: {problem}. It was removed; run the command again.")
    partial.replace(path)


def fetch(snapshot: Snapshot, folder: Path) -> Path:
    """All files of the snapshot in `folder`, whose content is the repository's. Call it again to go on."""
    progress = DownloadProgress(snapshot.repository, snapshot.size)
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        running = [pool.submit(_fetch_one, snapshot, file, folder, progress) for file in snapshot.files]
        try:
            for one in running:
                one.result()
        except (OSError, HTTPException) as error:
            pool.shutdown(cancel_futures=True)
            raise ExportError(f"{snapshot.repository} broke off: {error}. Run the command again: it goes on where it stopped.") from error
    say("note", text=f"{snapshot.repository} is complete: {len(snapshot.files)} files, every sum right")
    return folder
