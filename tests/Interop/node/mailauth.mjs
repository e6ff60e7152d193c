// mailauth as a peer: reads a message from standard input, and prints one JSON object with the results of each DKIM signature and of the chain.
// mailauth.mjs verify ZONE | mailauth.mjs sign KEY SELECTOR DOMAIN
import { readFileSync } from 'node:fs';
import { authenticate } from 'mailauth';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';

const message = readFileSync(0);
const [mode, ...rest] = process.argv.slice(2);

if (mode === 'verify') {
    const zone = new Map(readFileSync(rest[0], 'ascii').trim().split('\n').map(line => {
        const space = line.indexOf(' ');
        return [line.slice(0, space), line.slice(space + 1)];
    }));
    const resolver = async (name, type) => {
        if (type === 'TXT' && zone.has(name)) return [[zone.get(name)]];
        throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
    };
    const { dkim, arc } = await authenticate(message,
        { ip: '192.0.2.1', helo: 'client.test', sender: 'joe@example.org', mta: 'mx.test', resolver, disableBimi: true });
    console.log(JSON.stringify({
        dkim: dkim.results.map(one => one.status.result),
        arc: arc && arc.status ? arc.status.result : 'none',
    }));
} else {
    const [key, selector, domain] = rest;
    const signed = await dkimSign(message, {
        canonicalization: 'relaxed/relaxed',
        signatureData: [{ signingDomain: domain, selector, privateKey: readFileSync(key, 'utf8') }],
    });
    if (signed.errors.length > 0) throw signed.errors[0].err;
    process.stdout.write(signed.signatures);
    process.stdout.write(message);
}
