// What the page weighs, and how soon there is something to see.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { newTenant, startBrowser } from './lib/console.mjs';

let [browser, tenant] = [];
before(async () => {
  browser = await startBrowser();
  tenant = await newTenant();
});
after(() => browser.stop());

test('the page weighs less than 150 kB, all told, and asks for nothing from elsewhere', async (t) => {
  await tenant.user('alice', 'lock_user');
  const { page, close } = await browser.open('about:blank');
  const client = await page.createCDPSession();
  await client.send('Network.enable');
  const paths = new Map();
  let [sent, unpacked] = [0, 0];
  client.on('Network.responseReceived', ({ requestId, response }) => paths.set(requestId, response.url));
  client.on('Network.dataReceived', ({ dataLength }) => { unpacked += dataLength; });
  client.on('Network.loadingFinished', ({ encodedDataLength }) => { sent += encodedDataLength; });
  await page.goto(tenant.address());
  await page.waitForSelector('tbody tr');
  const milliseconds = await page.evaluate(() => performance.now());
  await page.evaluate(() => { location.hash = '#/numbers'; });
  await page.waitForSelector('svg.chart');
  const origin = new URL(tenant.address()).origin;
  assert.deepEqual([...paths.values()].filter((url) => !url.startsWith(`${origin}/`)), []);
  t.diagnostic(`${paths.size} requests, ${sent} bytes on the way, ${unpacked} bytes unpacked; the first view after ${Math.round(milliseconds)} ms`);
  assert.ok(unpacked > 10_000 && unpacked < 150_000, `${unpacked} bytes`);
  await close();
});
