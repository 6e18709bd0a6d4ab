import requests

from cameron.activities.base_activity import BaseActivity


class DoAnotherThingActivity(BaseActivity):

    def do_activity(self):
        """Actually do some work"""

        response = requests.get('http://foobar.com/foo')

        if response.status_code == 200:
            return self.SUCCEEDED

        return self.PERMANENT_FAILURE
