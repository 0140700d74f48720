#!/usr/bin/env bash
# Signs in to Roundtable at a real identity provider, on SQLite and PostgreSQL. Needs node 20 and, the first time, the
# npm registry. Starts what it needs itself, so it takes no address of a server.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
npm ci --prefix "$here" --ignore-scripts --no-audit --no-fund
cd "$here/../../.."
exec cargo test -p roundtable-tests --test it -- --ignored a_real_provider
