"""Takes the shared libraries out of wheels: `unpack.py WHEELS PROVIDERS LIBRARIES`. Needs Python and nothing else.

ONNX Runtime's two provider files go to PROVIDERS, beside the Node binding; what NVIDIA made goes to LIBRARIES.
"""

import re
import shutil
import sys
import zipfile
from pathlib import Path

PROVIDER_FILES = {"libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"}


def unpack(wheel: Path, providers: Path, libraries: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = Path(member.filename).name
            if wheel.name.startswith("onnxruntime"):
                target = providers if name in PROVIDER_FILES else None
            else:
                target = libraries if re.search(r"\.so(\.\d+)*$", name) else None
            if target is None:
                continue
            target.mkdir(parents=True, exist_ok=True)
            draft = target / f".{name}"
            with archive.open(member) as source, draft.open("wb") as file:
                shutil.copyfileobj(source, file, 1024 * 1024)
            draft.chmod(0o755)
            # A running agent keeps the file that it has open.
            draft.replace(target / name)


wheels, providers, libraries = (Path(argument) for argument in sys.argv[1:4])
for wheel in sorted(wheels.glob("*.whl")):
    unpack(wheel, providers, libraries)
missing = [name for name in PROVIDER_FILES if not (providers / name).is_file()]
if missing:
    sys.exit(f"{', '.join(missing)} was in none of the wheels in {wheels}")
