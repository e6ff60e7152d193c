// jmap.mjs HTTPS-PORT USER PASSWORD: jmap-jam and jmap-client-ts log in, list, upload, compose, find and read. Both know Bearer only, so what they
// put into Authorization is replaced by Basic on the way out. Writes one line of JSON for each step.
import { createRequire } from 'node:module';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the server's certificate is its own
const [port, user, password] = process.argv.slice(2);
const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const plain = globalThis.fetch;
globalThis.fetch = (resource, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('Authorization', basic);
  return plain(resource, { ...init, headers });
};

const { default: JamClient } = await import('jmap-jam');
const sessionUrl = `https://127.0.0.1:${port}/.well-known/jmap`;
const jam = new JamClient({ sessionUrl, bearerToken: 'none' });
const say = (step, value) => console.log(JSON.stringify({ step, value }));

const accountId = await jam.getPrimaryAccount();
say('account', (await jam.session).username);
const [mailboxes] = await jam.request(['Mailbox/get', { accountId }]);
const drafts = mailboxes.list.find((mailbox) => mailbox.role === 'drafts');
say('roles', mailboxes.list.map((mailbox) => mailbox.role).sort());

const file = await jam.uploadBlob(accountId, new Blob(['attached by jam'], { type: 'text/plain' }));
const [set] = await jam.request(['Email/set', {
  accountId,
  create: {
    draft: {
      mailboxIds: { [drafts.id]: true },
      keywords: { $draft: true },
      from: [{ name: 'Jäm', email: user }],
      to: [{ email: user }],
      subject: 'Composed by jam: ä',
      bodyValues: { body: { value: 'jamjamword in the body' } },
      textBody: [{ partId: 'body', type: 'text/plain' }],
      attachments: [{ blobId: file.blobId, type: 'text/plain', name: 'jäm.txt' }],
    },
  },
}]);
say('created', Object.keys(set.created ?? {}));

const [found] = await jam.requestMany((r) => {
  const query = r.Email.query({ accountId, filter: { text: 'jamjamword' } });
  const get = r.Email.get({ accountId, ids: query.$ref('/ids'), properties: ['subject', 'attachments', 'preview', 'keywords'] });
  return { query, get };
});
say('found', found.get.list.map((email) => [email.subject, email.attachments[0].name, email.preview]));
const download = await jam.downloadBlob({
  accountId, blobId: found.get.list[0].attachments[0].blobId, mimeType: 'text/plain', fileName: 'jäm.txt',
});
say('downloaded', await download.text());

// The other client speaks through a transport that one gives it.
const { Client } = createRequire(import.meta.url)('jmap-client-ts');
const transport = {
  get: async (url, headers) => (await fetch(url, { headers })).json(),
  post: async (url, body, headers) =>
    (await fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers })).json(),
};
const client = new Client({
  accessToken: 'none', sessionUrl, transport, httpHeaders: { 'Content-Type': 'application/json' },
});
await client.fetchSession();
const listed = await client.mailbox_get({ accountId: client.getFirstAccountId(), ids: null });
say('client-ts', listed.list.length);
