// Works through openapi-fetch with the types that openapi-typescript makes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "../out/openapi-typescript/schema.js";

const logins = JSON.parse(readFileSync(process.env.ROUNDTABLE_LOGINS!, "utf8"));
const { email, password } = logins.roles.intermediary;
const api = createClient<paths>({ baseUrl: logins.base_url });

const session = await api.POST("/v1/sessions", { body: { email, password } });
assert.ok(session.data);
api.use({
    onRequest({ request }) {
        request.headers.set("Authorization", `Bearer ${session.data.accessToken}`);
        return request;
    },
});

const { data: person } = await api.POST("/v1/people", { body: { name: "Ana Ruiz" } });
assert.ok(person);
const params = { path: { id: person.id }, header: { "If-Match": `"${person.version}"` } };
const headers = { "Content-Type": "application/merge-patch+json" };
const { data: changed } = await api.PATCH("/v1/people/{id}", { params, headers, body: { pronouns: "she/her" } });
assert.deepEqual([changed?.pronouns, changed?.version], ["she/her", 2]);
const late = await api.PATCH("/v1/people/{id}", { params, headers, body: { pronouns: "they/them" } });
assert.deepEqual([late.response.status, late.error?.code], [412, "STALE"]);

const ids: string[] = [];
let after: string | undefined;
do {
    const { data: page } = await api.GET("/v1/people", { params: { query: { first: 2, after, sort: "name" } } });
    assert.ok(page);
    ids.push(...page.items.map((row) => row.id));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
} while (after);
assert.ok(ids.includes(person.id) && new Set(ids).size === ids.length && ids.length > 4);
console.log(`openapi-fetch: ${ids.length} people walked`);
