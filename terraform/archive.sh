#!/usr/bin/env bash
# The code of the functions as a zip that is the same for the same files; functions.name says what it is called.
set -euo pipefail
target=$1
root=$(cd "$(dirname "$0")/.." && pwd)
rm -f "$target"
cd "$root"
python3 - "$target" <<'PY'
import hashlib, sys, zipfile
from pathlib import Path

files = [p for p in sorted(Path("functions").rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
files += [p for p in sorted(Path("bigquery_schemas").rglob("*")) if p.is_file()]
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as made:
    for path in files:
        name = path.relative_to("functions") if path.parts[0] == "functions" else path
        entry = zipfile.ZipInfo(name.as_posix(), (1980, 1, 1, 0, 0, 0))
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        made.writestr(entry, path.read_bytes())
digest = hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest()
Path(sys.argv[1]).with_suffix(".name").write_text(f"functions-{digest[:32]}.zip")
PY
