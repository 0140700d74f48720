// Works through the client that openapi-generator makes for fetch.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Configuration, PeopleApi, ResponseError, SessionsApi } from "../out/typescript-fetch/index.js";

const logins = JSON.parse(readFileSync(process.env.ROUNDTABLE_LOGINS!, "utf8"));
const basePath: string = logins.base_url;
const { email, password } = logins.roles.intermediary;

const signedOut = new Configuration({ basePath });
const session = await new SessionsApi(signedOut).createSession({ credentials: { email, password } });
const people = new PeopleApi(new Configuration({ basePath, accessToken: session.accessToken }));

const person = await people.createPerson({ newPerson: { name: "Ana Ruiz" } });
const ifMatch = `"${person.version}"`;
const changed = await people.updatePerson({ id: person.id, ifMatch, personPatch: { pronouns: "she/her" } });
assert.deepEqual([changed.name, changed.pronouns, changed.version], ["Ana Ruiz", "she/her", 2]);

await assert.rejects(
    people.updatePerson({ id: person.id, ifMatch, personPatch: { pronouns: "they/them" } }),
    (refused: unknown) => refused instanceof ResponseError && refused.response.status === 412,
);

const ids: string[] = [];
let after: string | undefined;
do {
    const page = await people.listPeople({ first: 2, after, sort: "name" });
    ids.push(...page.items.map((row) => row.id));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
} while (after);
assert.ok(ids.includes(person.id) && new Set(ids).size === ids.length && ids.length > 4);
console.log(`typescript-fetch: ${ids.length} people walked`);
