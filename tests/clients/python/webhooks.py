"""Receives webhooks and verifies them with the library of Standard Webhooks: what is signed is told, what is forged is not."""

import base64
import json
import os
import queue
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

with open(os.environ["ROUNDTABLE_LOGINS"], encoding="utf-8") as file:
    logins = json.load(file)
base_url = logins["base_url"]
token = logins["roles"]["intermediary"]["access_token"]
came = queue.Queue()


def ask(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base_url + path, data=data, method=method)
    for name, value in {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        # region receive
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            message = Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            self.send_response(400)
        else:
            came.put((headers, body, message))
            self.send_response(204)
        self.end_headers()
        # endregion

    def log_message(self, *_):
        pass


receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
webhook = ask("POST", "/v1/webhooks", {"url": f"http://127.0.0.1:{receiver.server_port}/", "kinds": ["person.created"]})
secret = webhook["secret"]

person = ask("POST", "/v1/people", {"name": "Ana Ruiz"})
headers, body, message = came.get(timeout=60)
assert message["type"] == "person.created" and message["data"]["recordId"] == person["id"], message
assert message["data"]["record"]["name"] == "Ana Ruiz", message

# What somebody else made, or changed on the way, is not taken.
other = "whsec_" + base64.b64encode(b"0" * 32).decode()
for forged in [(other, body, headers), (secret, body.replace(b"Ana", b"Eva"), headers),
               (secret, body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)})]:
    try:
        Webhook(forged[0]).verify(*forged[1:])
        raise SystemExit("a forged message was taken")
    except WebhookVerificationError:
        pass

# After a renewal both secrets sign for a day.
secret = ask("POST", f"/v1/webhooks/{webhook['id']}/renew-secret", {}, **{"If-Match": f'"{webhook["version"]}"'})["secret"]
ask("POST", "/v1/people", {"name": "Bo Lind"})
again, body, message = came.get(timeout=60)
assert again["webhook-id"] != headers["webhook-id"] and message["data"]["record"]["name"] == "Bo Lind", message
Webhook(webhook["secret"]).verify(body, again)
print("standardwebhooks: signed messages taken, forged ones refused, both secrets hold")
