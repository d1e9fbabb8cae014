"""Keeps something in the warm pool's cache, and says what it found there."""

from pathlib import Path

CACHE = Path("/opt/ml/sagemaker/warmpoolcache")
found = sorted(path.name for path in CACHE.iterdir()) if CACHE.is_dir() else None
print(f"found {found}", flush=True)
if found is not None:
    (CACHE / f"job-{len(found) + 1}").write_text("kept")
