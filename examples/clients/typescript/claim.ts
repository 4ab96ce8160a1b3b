// Claims an agent and prints where a person reaches it. The types are generated: see README.md.
import createClient from 'openapi-fetch';
import type { paths } from './pool.js';

const { POOL_URL, POOL_API_KEY } = process.env;
const pool = createClient<paths>({ baseUrl: POOL_URL, headers: { Authorization: `Bearer ${POOL_API_KEY}` } });

const { data, error } = await pool.POST('/api/pool/claim', {
  params: { query: { wait: 60 } },
  body: { agentName: 'Tulip', instructions: 'You help a small club plan its outings.' },
});
if (error) {
  console.error(`no agent: ${error.code}: ${error.detail}`);
  process.exit(1);
} else if ('inviteUrl' in data) {
  console.log(`${data.instanceId} is reached at ${data.inviteUrl}`);
} else {
  console.log(`${data.instanceId} waits to be accepted until ${data.acceptBy}`);
}
