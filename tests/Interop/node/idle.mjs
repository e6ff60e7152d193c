// idle.mjs IMAPS-PORT SMTP-PORT USER PASSWORD: one imapflow connection idles in INBOX while nodemailer delivers a message and a second connection
// flags and deletes it. Writes one line of JSON for each thing that the idle connection hears, and how many milliseconds it took.
import { ImapFlow } from 'imapflow';
import nodemailer from 'nodemailer';

const [imaps, smtp, user, pass] = process.argv.slice(2);

async function open() {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: Number(imaps),
    secure: true,
    auth: { user, pass },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen('INBOX');
  return client;
}

// What the idle connection hears of one kind, and the time from the cause to its news.
async function hears(kind, cause, show) {
  const began = performance.now();
  const news = new Promise((resolve) => idle.once(kind, resolve));
  await cause();
  const event = await news;
  console.log(JSON.stringify({ kind, shown: show(event), milliseconds: performance.now() - began }));
}

const idle = await open();
const other = await open();
const idling = idle.idle();

const transport = nodemailer.createTransport({ host: '127.0.0.1', port: Number(smtp), ignoreTLS: true });
const message = { from: 'stranger@example.net', to: user, subject: 'News', text: 'Words' };
await hears('exists', () => transport.sendMail(message), (event) => event.count);
await other.noop();
const seen = await other.fetchOne('*', { envelope: true, bodyStructure: true, uid: true });
console.log(JSON.stringify({ kind: 'message', shown: `${seen.envelope.subject} ${seen.bodyStructure.type}` }));
await hears('flags', () => other.messageFlagsAdd('*', ['\\Flagged']), (event) => [...event.flags].filter((flag) => flag !== '\\Recent').join(' '));
await hears('expunge', () => other.messageDelete('*'), (event) => event.seq);

await idle.noop();
await idling;
await idle.logout();
await other.logout();
transport.close();
