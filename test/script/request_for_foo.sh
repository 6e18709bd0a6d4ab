#!/bin/sh
# Asks Cameron for a job of the process foo and prints the answer: 201 and the job's Location.
# CAMERON_URL says where Cameron is (http://localhost:8080).
url=${CAMERON_URL:-http://localhost:8080}
if ! command -v curl >/dev/null; then
	echo "this script needs curl: install it, or ask with .venv/bin/cameron start foo --key '(id,007)'" >&2
	exit 127
fi
curl -X POST "$url/api/process/foo/start" \
     -d '{"key":"(id,007)", "data":"be careful with that data", "requestor":"bob_the_thin"}' \
     -i -sS \
     --header 'Content-Type: application/json'
status=$?
echo
[ "$status" -ne 7 ] || echo "Cameron does not answer at $url: start it with make run_dev, or set CAMERON_URL" >&2
exit "$status"
