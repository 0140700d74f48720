// Asks GraphQL with documents that graphql-codegen has typed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { graphql } from "../out/graphql-codegen/gql.js";

const logins = JSON.parse(readFileSync(process.env.ROUNDTABLE_LOGINS!, "utf8"));

// region graphql
const People = graphql(`
    query People($first: Int, $after: String) {
        people(first: $first, after: $after, sort: "name") {
            nodes { id name version }
            pageInfo { hasNextPage endCursor }
        }
    }
`);
const CreatePerson = graphql(`
    mutation CreatePerson($input: NewPerson!) {
        createPerson(input: $input) { id name version }
    }
`);

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await fetch(`${logins.base_url}/graphql`, {
        method: "POST",
        headers: {
            "Content-Type": "application/json",
            Accept: "application/graphql-response+json",
            Authorization: `Bearer ${logins.roles.intermediary.access_token}`,
        },
        body: JSON.stringify({ query: print(document), variables }),
    });
    const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
    if (errors) throw new Error(errors.map((error) => error.message).join("; "));
    return data;
}
// endregion

const { createPerson } = await ask(CreatePerson, { input: { name: "Ana Ruiz" } });
assert.equal(createPerson.version, 1);
const ids: string[] = [];
let after: string | null | undefined;
do {
    const { people }: Awaited<ReturnType<typeof page>> = await page(after);
    ids.push(...people.nodes.map((row) => row.id));
    after = people.pageInfo.hasNextPage ? people.pageInfo.endCursor : undefined;
} while (after);
assert.ok(ids.includes(createPerson.id) && new Set(ids).size === ids.length && ids.length > 4);
console.log(`graphql-codegen: ${ids.length} people walked`);

function page(after: string | null | undefined) {
    return ask(People, { first: 2, after });
}
