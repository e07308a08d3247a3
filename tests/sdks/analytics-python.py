"""One person's visit, sent by the unmodified Python SDK of the Segment kind."""

import os
import sys
import time

from segment.analytics.client import Client

client = Client(
    os.environ["PRIV_KEY"],
    host=os.environ["PRIV_URL"],
    gzip=True,
    upload_size=int(os.environ["PRIV_FLUSH_AT"]),
    upload_interval=0.2,
    on_error=lambda error, items: print("not delivered:", error, file=sys.stderr),
)
client.identify("ann", {"plan": "gold"})
for n in range(100):
    client.track("ann", "Bought", {"n": n})
    time.sleep(int(os.environ["PRIV_PACE_MS"]) / 1000)
client.page("ann", None, "Home", {"url": "https://shop.example/home", "title": "Home"})
client.flush()
client.shutdown()
