// Works through the client that hey-api makes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { client } from "../out/hey-api/client.gen.js";
import { createPerson, createSession, listPeople, updatePerson } from "../out/hey-api/sdk.gen.js";

const logins = JSON.parse(readFileSync(process.env.ROUNDTABLE_LOGINS!, "utf8"));
const { email, password } = logins.roles.intermediary;

// region sign in
client.setConfig({ baseUrl: logins.base_url });
const session = await createSession({ body: { email, password }, throwOnError: true });
client.setConfig({ baseUrl: logins.base_url, auth: session.data.accessToken });
// endregion

// region create and change
const { data: person } = await createPerson({ body: { name: "Ana Ruiz" }, throwOnError: true });
const ifMatch = `"${person.version}"`;
const { data: changed } = await updatePerson({
    path: { id: person.id },
    headers: { "If-Match": ifMatch },
    body: { pronouns: "she/her" },
    throwOnError: true,
});
// endregion
assert.deepEqual([changed.name, changed.pronouns, changed.version], ["Ana Ruiz", "she/her", 2]);

// region change that comes too late
const late = await updatePerson({
    path: { id: person.id },
    headers: { "If-Match": ifMatch },
    body: { pronouns: "they/them" },
});
assert.equal(late.response?.status, 412);
assert.equal(late.error?.code, "STALE");
// endregion

// region walk
const ids: string[] = [];
let after: string | undefined;
do {
    const { data: page } = await listPeople({ query: { first: 2, after, sort: "name" }, throwOnError: true });
    ids.push(...page.items.map((row) => row.id));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
} while (after);
// endregion
assert.ok(ids.includes(person.id) && new Set(ids).size === ids.length && ids.length > 4);
console.log(`hey-api: ${ids.length} people walked`);
