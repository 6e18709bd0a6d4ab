from cameron.activities.base_activity import BaseActivity


class DoSomethingActivity(BaseActivity):

    def do_activity(self):
        """Actually do some work"""

        num = 10

        if num > 20:
            return self.PERMANENT_FAILURE

        return self.SUCCEEDED
