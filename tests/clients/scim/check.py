"""Asks a server what scim2-tester asks, and fails on what is not expected."""

import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

base, token = sys.argv[1:]
http = Client(base_url=f"{base}/scim/v2", headers={"Authorization": f"Bearer {token}"}, timeout=30)
results = check_server(SyncSCIMClient(http), resource_types=["User"])
results += [one for one in check_server(SyncSCIMClient(http), resource_types=["Group"], include_tags={"crud:read"})]

counted = {}
failed = []
for one in results:
    counted[one.status.name] = counted.get(one.status.name, 0) + 1
    if one.status in (Status.ERROR, Status.CRITICAL):
        failed.append(f"{one.status.name} {one.title}: {one.reason}")
print(", ".join(f"{count} {name}" for name, count in sorted(counted.items())))
print("\n".join(failed))
sys.exit(bool(failed))
