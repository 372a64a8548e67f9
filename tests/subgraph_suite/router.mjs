// A router over the three subgraphs of the suite: composes what they say of themselves, and serves that on port 4000.
import { createServer } from 'node:http';
import { parse } from 'graphql';
import { composeServices } from '@theguild/federation-composition';
import { getStitchedSchemaFromSupergraphSdl } from '@graphql-tools/federation';
import { createYoga } from 'graphql-yoga';

const subgraphs = JSON.parse(process.env.SUBGRAPHS);

async function asked(url) {
  const body = JSON.stringify({ query: '{ _service { sdl } }' });
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(url, { method: 'POST', headers, body })).json();
  return answer.data._service.sdl;
}

const services = [];
for (const [name, url] of Object.entries(subgraphs)) {
  services.push({ name, url, typeDefs: parse(await asked(url)) });
}
const composed = composeServices(services);
if (composed.errors?.length) {
  for (const error of composed.errors) console.error(error.message);
  process.exit(1);
}
const schema = getStitchedSchemaFromSupergraphSdl({ supergraphSdl: composed.supergraphSdl });
const yoga = createYoga({ schema, graphqlEndpoint: '/', maskedErrors: false, logging: false });
createServer(yoga).listen(4000, '127.0.0.1', () => console.log('listening'));
