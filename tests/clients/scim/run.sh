#!/usr/bin/env bash
# Asks the SCIM of a running server what a conformance tool (PyPI scim2-tester) asks. Takes the address of the server and
# an access token of a system that keeps logins: run.sh http://127.0.0.1:8080 TOKEN
# Users are made and ended in it, so give it a server to try things on.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=${1:?the address of a server} token=${2:-${SCIM_TOKEN:?an access token}}
place=${SCIM_VENV:-$here/.venv}
[[ -x $place/bin/python ]] || python3 -m venv "$place"
"$place/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
exec "$place/bin/python" "$here/check.py" "$base" "$token"
