// One person's visit, sent by the unmodified Node SDK of the PostHog kind.
import { PostHog } from 'posthog-node'
import { setTimeout as sleep } from 'node:timers/promises'

const { PRIV_URL, PRIV_KEY, PRIV_FLUSH_AT, PRIV_PACE_MS } = process.env
const posthog = new PostHog(PRIV_KEY, {
  host: PRIV_URL,
  flushAt: Number(PRIV_FLUSH_AT),
  flushInterval: 200,
})
// As in a server: the SDK's own timers do not keep a process alive between two tries.
const alive = setInterval(() => {}, 1_000)
posthog.on('error', (error) => console.error('error:', error))

posthog.identify({ distinctId: 'ann', properties: { plan: 'gold' } })
for (let n = 0; n < 100; n++) {
  posthog.capture({ distinctId: 'ann', event: 'Bought', properties: { n } })
  await sleep(Number(PRIV_PACE_MS))
}
posthog.capture({
  distinctId: 'ann',
  event: '$pageview',
  properties: { $current_url: 'https://shop.example/home', title: 'Home' },
})
await posthog.shutdown(120_000)
clearInterval(alive)
