"""Cannot be imported: the node and the other modules do not mind."""

import sys

from cameron.activities.base_activity import BaseActivity

sys.exit("no licence")


class NeverDefined(BaseActivity):  # type: ignore[unreachable]
    """Below what ends the module."""
