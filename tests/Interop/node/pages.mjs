// Walks through the pages for people in a real Chromium: log-in, two steps, passkey with a virtual authenticator, devices, sessions.
// usage: node pages.mjs URL ADDRESS PASSWORD [FOLDER]   pictures go to the folder
// Ends with "ok" and a line for each thing seen; anything wrong is an exception and a status of 1.
import puppeteer from 'puppeteer-core';
import axe from 'axe-core';
import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { strict as assert } from 'node:assert';

const [url, address, password, folder] = process.argv.slice(2);
if (folder) mkdirSync(folder, { recursive: true });
const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await puppeteer.launch({
  executablePath: executable,
  args: ['--no-sandbox', '--ignore-certificate-errors', '--disable-gpu', '--force-color-profile=srgb', '--hide-scrollbars'],
});
const seen = [];
const complaints = [];
const page = await newPage(browser);

async function newPage(from) {
  const made = await from.newPage();
  made.on('console', message => { if (['error', 'warn'].includes(message.type())) complaints.push(message.text()); });
  made.on('pageerror', error => complaints.push(String(error)));
  return made;
}

const go = path => page.goto(url + path, { waitUntil: 'load' });
const path = () => new URL(page.url()).pathname;

async function submit(selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click(selector)]);
}

async function fill(fields) {
  for (const [name, value] of Object.entries(fields)) {
    await page.$eval(`main [name="${name}"]`, e => { e.value = ''; });
    await page.type(`main [name="${name}"]`, value);
  }
}

// A picture in each style, no sideways scrolling on a telephone, and what axe finds.
async function look(name) {
  for (const [style, width, scheme] of [['light', 1000, 'light'], ['dark', 1000, 'dark'], ['narrow', 360, 'light']]) {
    await page.setViewport({ width, height: style === 'narrow' ? 700 : 760, deviceScaleFactor: folder ? 1.5 : 1 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    if (folder) await page.screenshot({ path: `${folder}/${name}-${style}.png`, fullPage: style === 'narrow' });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} at ${width}`);
    await page.evaluate(axe.source);
    const found = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
    const bad = found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')}`);
    assert.deepEqual(bad, [], `${name} ${style}`);
  }
  await page.setViewport({ width: 1000, height: 760 });
  seen.push(name);
}

function totp(base32, step = 0) {
  const bits = [...base32].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(o => parseInt(o, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
}

async function logIn() {
  await go('/log-in');
  await fill({ name: address, password });
  await submit('main form[action="/log-in"] button');
}

async function logOut() {
  await submit('form[action="/log-out"] button');
  assert.equal(path(), '/log-in');
}

async function walk() {
  await go('/');
  await look('first');
  await go('/nothing');
  await look('nothing');
  await go('/log-in');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'name');
  await look('log-in');
  await fill({ name: address, password: 'not this one' });
  await submit('main form[action="/log-in"] button');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'problem');
  assert.ok((await page.title()).startsWith('Error: '));
  await look('log-in-wrong');
  await logIn();
  assert.equal(path(), '/account');
  await look('account');
  const cookies = await page.cookies(url);
  const session = cookies.find(c => c.name.endsWith('posthorn'));
  assert.ok(session.httpOnly && session.sameSite === 'Lax');
  if (url.startsWith('https:')) assert.ok(session.secure && session.name === '__Host-posthorn');

  await go('/account/two-step');
  await look('two-step-off');
  await submit('form[action="/account/two-step/begin"] button');
  await look('two-step-set-up');
  const secret = (await page.$eval('p.secret', e => e.textContent)).replaceAll(' ', '');
  await fill({ code: '000000' });
  await submit('form[action="/account/two-step/set-up"] button');
  await look('two-step-wrong');
  await fill({ code: totp(secret) });
  await submit('form[action="/account/two-step/set-up"] button');
  await look('recovery-codes');
  const codes = await page.$$eval('ol.codes li', all => all.map(e => e.textContent));
  assert.equal(codes.length, 10);
  await go('/account/two-step');
  await look('two-step-on');
  await logOut();
  await logIn();
  assert.equal(path(), '/log-in/second');
  await look('second-step');
  await fill({ code: codes[0] });
  await submit('form[action="/log-in/second"] button');
  assert.equal(path(), '/account');

  const devtools = await page.createCDPSession();
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await go('/account/passkeys');
  await look('passkeys-none');
  await fill({ label: 'My laptop' });
  await submit('form[action="/account/passkeys"] button');
  assert.equal(new URL(page.url()).search, '?added', await page.$eval('main', e => e.innerText));
  await look('passkeys');
  await logOut();
  await submit('form[action="/log-in/passkey"] button');
  assert.equal(path(), '/account', await page.$eval('main', e => e.innerText));
  seen.push('log-in by passkey');
  await logOut();
  await logIn();
  assert.equal(path(), '/log-in/second');
  await submit('form[action="/log-in/second/passkey"] button');
  assert.equal(path(), '/account');
  seen.push('second step by passkey');

  const other = await browser.createBrowserContext();
  const there = await newPage(other);
  await there.goto(url + '/log-in');
  await there.type('[name=name]', address);
  await there.type('[name=password]', password);
  await Promise.all([there.waitForNavigation(), there.click('main form[action="/log-in"] button')]);
  await there.type('[name=code]', codes[1]);
  await Promise.all([there.waitForNavigation(), there.click('form[action="/log-in/second"] button')]);
  assert.equal(new URL(there.url()).pathname, '/account');
  await go('/account/sessions');
  await look('sessions');
  await submit('form[action="/account/sessions/end-others"] button');
  await there.goto(url + '/account');
  assert.equal(new URL(there.url()).pathname, '/log-in');
  seen.push('a session ended from another browser');
  await other.close();

  await go('/account/password');
  await look('password');
  await fill({ 'new-password': password + ' again', again: password + ' aga1n' });
  await submit('main form[action="/account/password"] button');
  await look('password-wrong');
  await fill({ 'new-password': password + ' again', again: password + ' again' });
  await submit('main form[action="/account/password"] button');
  assert.equal(path(), '/account');
  await look('password-changed');
}

try {
  await walk();
  const real = complaints.filter(c => !/status of (4\d\d)/.test(c));
  assert.deepEqual(real, []);
  console.log(seen.join('\n'));
  console.log('ok');
} catch (error) {
  console.error(`at ${page.url()}: ${error.stack}\n${complaints.join('\n')}\nseen: ${seen.join(', ')}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
