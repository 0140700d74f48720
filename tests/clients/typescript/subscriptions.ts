// Follows events through the client libraries of both ways a GraphQL subscription can come: graphql-ws over a WebSocket
// and graphql-sse over server-sent events.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import WebSocket from "ws";

const logins = JSON.parse(readFileSync(process.env.ROUNDTABLE_LOGINS!, "utf8"));
const base_url: string = logins.base_url;
const token: string = logins.roles.intermediary.access_token;

// region follow
const query = `subscription ($kind: [String!]) {
    events(kind: $kind) { kind recordId record { id ... on Person { name } } }
}`;
const variables = { kind: ["person.created"] };

const socket = createSocketClient({
    url: `${base_url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
});
const sse = createSseClient({
    url: `${base_url}/graphql`,
    headers: { Authorization: `Bearer ${token}` },
});
const followed = [socket.iterate({ query, variables }), sse.iterate({ query, variables })];
// endregion

type Told = { data?: { events?: { kind: string; recordId: string; record: { name: string } } } | null };

async function create(name: string): Promise<string> {
    const response = await fetch(`${base_url}/v1/people`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
        body: JSON.stringify({ name }),
    });
    assert.equal(response.status, 201);
    return ((await response.json()) as { id: string }).id;
}

// A subscription begins without a word: people are made until the first is told of. What is told then has to be the next.
const heard = followed.map((one) => one[Symbol.asyncIterator]());
const names = new Map<string, string>();
let made = 0;
const begun = heard.map((one) => one.next());
let waiting = true;
const first = Promise.all(begun).finally(() => (waiting = false));
while (waiting && made < 200) {
    const name = `Follower ${made++}`;
    names.set(await create(name), name);
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 250))]);
}
for (const [at, told] of (await first).entries()) {
    const event = (told.value as Told).data?.events;
    assert.ok(event, `way ${at}: ${JSON.stringify(told)}`);
    assert.equal(event.kind, "person.created");
    assert.equal(event.record.name, names.get(event.recordId));
}
const last = await create("The last");
for (const [at, one] of heard.entries()) {
    for (;;) {
        const told = await one.next();
        const event = (told.value as Told).data?.events;
        assert.ok(event, `way ${at}: ${JSON.stringify(told)}`);
        if (event.recordId === last) break;
        assert.ok(names.has(event.recordId));
    }
    await one.return?.();
}

// Without a token the socket is closed with the code that says so, and the stream is refused.
const stranger = createSocketClient({ url: `${base_url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 });
const closed = await stranger.iterate({ query, variables }).next().then(() => undefined, (reason: { code?: number }) => reason.code);
assert.equal(closed, 4403);
const nobody = createSseClient({ url: `${base_url}/graphql`, retryAttempts: 0 });
await assert.rejects(nobody.iterate({ query, variables }).next());
await socket.dispose();
sse.dispose();
console.log("graphql-ws and graphql-sse: events followed, strangers refused");
process.exit(0);
