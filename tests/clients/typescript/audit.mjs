// The audits of the GraphQL-over-HTTP specification. Everything it says has to hold, what it only advises included.
import { readFileSync } from "node:fs";
import { auditServer } from "graphql-http";

const logins = JSON.parse(readFileSync(process.env.ROUNDTABLE_LOGINS, "utf8"));
const results = await auditServer({ url: `${logins.base_url}/graphql` });
const failed = results.filter((result) => result.status !== "ok");
for (const result of failed) console.error(`${result.status} ${result.name}: ${result.reason}`);
console.log(`graphql-http: ${results.length - failed.length} of ${results.length}`);
process.exitCode = failed.length;
