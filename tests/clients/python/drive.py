"""Works through the client that openapi-generator makes for Python: sign in, list, create, change, walk."""

import importlib
import json
import os
import pkgutil

import roundtable_client
from roundtable_client import ApiClient, Configuration
from roundtable_client.api.people_api import PeopleApi
from roundtable_client.api.sessions_api import SessionsApi
from roundtable_client.exceptions import ApiException
from roundtable_client.models.credentials import Credentials
from roundtable_client.models.new_person import NewPerson
from roundtable_client.models.person_patch import PersonPatch

for module in pkgutil.walk_packages(roundtable_client.__path__, "roundtable_client."):
    importlib.import_module(module.name)

with open(os.environ["ROUNDTABLE_LOGINS"], encoding="utf-8") as file:
    logins = json.load(file)
base_url = logins["base_url"]
email, password = (logins["roles"]["intermediary"][name] for name in ("email", "password"))

# region sign in
configuration = Configuration(host=base_url)
client = ApiClient(configuration)
session = SessionsApi(client).create_session(Credentials(email=email, password=password))
configuration.access_token = session.access_token
# endregion

# region create and change
people = PeopleApi(client)
person = people.create_person(NewPerson(name="Ana Ruiz"))
changed = people.update_person(person.id, f'"{person.version}"', PersonPatch(pronouns="she/her"))
# endregion
assert (changed.name, changed.pronouns, changed.version) == ("Ana Ruiz", "she/her", 2)

# region change that comes too late
try:
    people.update_person(person.id, f'"{person.version}"', PersonPatch(pronouns="they/them"))
    raise SystemExit("a change on an old version was taken")
except ApiException as refused:
    problem = json.loads(refused.body)
    assert (refused.status, problem["code"]) == (412, "STALE")
# endregion

# region walk
ids, after = [], None
while True:
    page = people.list_people(first=2, after=after, sort="name")
    ids += [row.id for row in page.items]
    if not page.page_info.has_next_page:
        break
    after = page.page_info.end_cursor
# endregion
assert person.id in ids and len(ids) == len(set(ids)) > 4, ids
print(f"python: {len(ids)} people walked")
