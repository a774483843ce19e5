"""Print the version and the size on disk of the first of the given distributions installed.

The size is that of the files that the installer recorded. Direct and indirect dependencies are
counted separately. Prints {} if none is installed.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path


def find(names: list[str]) -> metadata.Distribution | None:
    for name in names:
        try:
            return metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def size(distribution: metadata.Distribution) -> int | None:
    """Return the bytes on disk; None for an editable install, whose files are elsewhere."""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return None
    paths = {Path(str(file.locate())) for file in distribution.files or ()}
    return sum(path.stat().st_size for path in paths if path.exists())


def dependencies_of(distribution: metadata.Distribution) -> dict[str, metadata.Distribution]:
    """Return the distribution and its installed dependencies, by name.

    Of the markers of a requirement only "extra" is evaluated: dependencies for other platforms
    are usually not installed.
    """
    found = {canonical(distribution.name): distribution}
    waiting = [distribution]
    while waiting:
        for requirement in waiting.pop().requires or ():
            name = canonical(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
            dependency = None if "extra ==" in requirement or name in found else find([name])
            if dependency:
                found[name] = dependency
                waiting.append(dependency)
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


root = find(sys.argv[1:])
if root is None:
    print("{}")
else:
    dependencies = dependencies_of(root)
    own = size(dependencies.pop(canonical(root.name)))
    report = {
        "version": root.version,
        "own_size": own,
        "dependencies": {name: size(each) for name, each in sorted(dependencies.items())},
    }
    print(json.dumps(report))
