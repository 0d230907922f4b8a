"""What a version consists of, wherever it lies: `versions/<id>/` with `bundle/`, `lineage.json`.

A version is there when its lineage is: that is written last, or renamed into place with the rest.
"""

from __future__ import annotations

BUNDLE_FOLDER = "bundle"
LINEAGE_FILE = "lineage.json"
