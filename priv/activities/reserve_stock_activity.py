"""An activity that is a class, with a config and a session."""

from cameron.activities.base_activity import BaseActivity


class ReserveStockActivity(BaseActivity):
    """Sets pieces of an item aside, and tells the activities after it by which reservation."""

    def do_activity(self) -> str:
        """The config's `stock` has the pieces that there are of each item."""
        if self.input_data["pieces"] > self.config["stock"].get(self.input_data["item"], 0):
            return self.PERMANENT_FAILURE
        self.session_set("reservation", f"{self.config['warehouse']}-{self.workflow_id[:8]}")
        return self.SUCCEEDED
