// resync.mjs IMAPS-PORT USER PASSWORD: imapflow with QRESYNC. It looks at a mailbox, goes away while another connection changes it, and comes
// back. Writes one line of JSON for each thing that it hears.
import { ImapFlow } from 'imapflow';

const [imaps, user, pass] = process.argv.slice(2);

async function open() {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: Number(imaps),
    secure: true,
    auth: { user, pass },
    tls: { rejectUnauthorized: false },
    logger: false,
    qresync: true,
  });
  await client.connect();
  return client;
}

const say = (kind, shown) => console.log(JSON.stringify({ kind, shown: `${shown}` }));

const other = await open();
await other.mailboxOpen('INBOX');
for (const subject of ['one', 'two', 'three', 'four']) {
  await other.append('INBOX', `From: someone@example.net\r\nSubject: ${subject}\r\n\r\nWords\r\n`, []);
}

const away = await open();
const before = await away.mailboxOpen('INBOX');
say('messages', before.exists);
const modseq = before.highestModseq;
await away.logout();

await other.messageFlagsAdd({ uid: '2' }, ['\\Seen'], { uid: true });
await other.messageDelete({ uid: '3' }, { uid: true });

const back = await open();
say('qresync', back.enabled.has('QRESYNC'));
back.on('expunge', (event) => say('vanished', `${event.uid} ${event.earlier}`));
await back.mailboxOpen('INBOX');
for await (const message of back.fetch('1:*', { uid: true, flags: true }, { uid: true, changedSince: modseq })) {
  say('changed', `${message.uid} ${[...message.flags].filter((flag) => flag !== '\\Recent').join(' ')}`);
}

// What happens now is told by UID.
await other.messageDelete({ uid: '1' }, { uid: true });
await back.noop();
await back.logout();
await other.logout();
