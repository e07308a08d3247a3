// One person's visit, sent by the unmodified Node SDK of the Segment kind.
import { Analytics } from '@segment/analytics-node'
import { setTimeout as sleep } from 'node:timers/promises'

const { PRIV_URL, PRIV_KEY, PRIV_FLUSH_AT, PRIV_PACE_MS } = process.env
const analytics = new Analytics({
  writeKey: PRIV_KEY,
  host: PRIV_URL,
  flushAt: Number(PRIV_FLUSH_AT),
  flushInterval: 200,
})
const statuses = {}
analytics.on('http_response', ({ status }) => (statuses[status] = (statuses[status] ?? 0) + 1))
analytics.on('error', (error) => console.error('not delivered:', error))

analytics.identify({ userId: 'ann', traits: { plan: 'gold' } })
for (let n = 0; n < 100; n++) {
  analytics.track({ userId: 'ann', event: 'Bought', properties: { n } })
  await sleep(Number(PRIV_PACE_MS))
}
analytics.page({
  userId: 'ann',
  name: 'Home',
  properties: { url: 'https://shop.example/home', title: 'Home' },
})
await analytics.closeAndFlush({ timeout: 120_000 })
console.log(JSON.stringify({ statuses }))
