"""Asks a server what scim2-tester asks, and fails on what is not expected."""

import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

# What the tool takes for a fault, by words of its message, and why it is none.
EXPECTED = {
    "value for 'emails'": "the one address kept is always of the type work, and primary",
    "did not remove attribute 'displayName'": "without a name the user name is shown",
    "did not remove attribute 'active'": "a user is active or not",
    "displayName is missing": "the tool makes groups, which are roles here and cannot be made",
    "search_with_attributes": "queries come by GET; .search is not served",
}

base, token = sys.argv[1:]
http = Client(base_url=f"{base}/scim/v2", headers={"Authorization": f"Bearer {token}"}, timeout=30)
results = check_server(SyncSCIMClient(http), resource_types=["User"])
results += check_server(SyncSCIMClient(http), resource_types=["Group"], include_tags={"crud:read"})

counted, failed = {}, []
for one in results:
    name = one.status.name
    if one.status in (Status.ERROR, Status.CRITICAL):
        message = f"{one.title}: {one.reason}"
        why = next((why for words, why in EXPECTED.items() if words in message), None)
        name = "EXPECTED" if why else name
        print(f"expected ({why}): {one.title}") if why else failed.append(message)
    counted[name] = counted.get(name, 0) + 1
print(", ".join(f"{count} {name}" for name, count in sorted(counted.items())))
print("\n".join(failed))
sys.exit(bool(failed))
