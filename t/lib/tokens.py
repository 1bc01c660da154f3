#!/usr/bin/env python3

"""A token endpoint of Google's and its metadata server, for tests.

    tokens.py PORT PUBLIC.pem SELF_URL [CERT KEY]

POST /token answers assertions of service accounts after checking all of them:
the signature with openssl, audience, scope and times; and users' refresh
tokens.  GET /computeMetadata/... is the metadata server.  What happens is said
by POST /mode, {"account": {..}} with the first part of the account's address
("user", "metadata" for the others):

    expires, delay (s), status, body, hang, close, echo, chunked

GET /ledger is a list of what was asked for.  Tokens are "ya29.ACCOUNT.N".
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

PORT, PUBLIC, URL = int(sys.argv[1]), sys.argv[2], sys.argv[3]
SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

lock = threading.Lock()
modes = {}
ledger = []
counts = {}


def decode(text):
    if '=' in text or not set(text) <= set(
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'):
        raise ValueError('no base64url')
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def verify(signed, signature):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in ('text', signed), ('sig', signature):
            with open(os.path.join(folder, name), 'wb') as f:
                f.write(data)
        p = subprocess.run(
            ['openssl', 'dgst', '-sha256', '-verify', PUBLIC, '-signature',
             os.path.join(folder, 'sig'), os.path.join(folder, 'text')],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return p.returncode == 0


def assertion(form):
    """(account, what is wrong)"""

    if form.get('grant_type') != GRANT:
        return '?', 'grant_type'
    parts = form.get('assertion', '').split('.')
    if len(parts) != 3:
        return '?', 'three parts'
    header, claims = (json.loads(decode(p)) for p in parts[:2])
    account = claims['iss'].split('@')[0]
    now = time.time()
    wrong = [what for what, good in (
        ('header', header == {'alg': 'RS256', 'typ': 'JWT', 'kid': 'key-1'}),
        ('claims', set(claims) == {'iss', 'sub', 'scope', 'aud', 'iat',
                                   'exp'}),
        ('sub', claims.get('sub') == claims['iss']),
        ('scope', claims.get('scope') == SCOPE),
        ('aud', claims.get('aud') == URL),
        ('iat', abs(claims.get('iat', 0) - now) < 30),
        ('exp', claims.get('exp', 0) - claims.get('iat', 0) == 3600),
        ('signature', verify('.'.join(parts[:2]).encode(),
                             decode(parts[2]))),
    ) if not good]
    return account, ' '.join(wrong)


def user(form):
    return 'user', '' if form == {
        'grant_type': 'refresh_token', 'client_id': 'id 1',
        'client_secret': 's&cret', 'refresh_token': '1//r+t'} else 'form'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, status, body, chunked=False):
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        if chunked:
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            for i in range(0, len(body), 7):
                part = body[i:i + 7]
                self.wfile.write(b'%x\r\n%s\r\n' % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b'0\r\n\r\n')
        else:
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = True

    def token(self, account, wrong, raw):
        with lock:
            counts[account] = counts.get(account, 0) + 1
            n = counts[account]
            mode = dict(modes.get(account, {}))
            ledger.append({'account': account, 'wrong': wrong, 'n': n,
                           'host': self.headers['Host'],
                           'time': time.time()})
        time.sleep(mode.get('delay', 0))
        if mode.get('hang'):
            time.sleep(60)
        if mode.get('close'):
            self.close_connection = True
            return
        if mode.get('echo'):
            self.answer(400, json.dumps({
                'error': 'invalid_grant',
                'error_description': 'got ' + raw.decode()}).encode())
            return
        if wrong:
            self.answer(400, json.dumps({
                'error': 'invalid_grant',
                'error_description': wrong}).encode())
            return
        body = mode['body'].encode() if 'body' in mode else json.dumps({
            'access_token': 'ya29.%s.%d' % (account, n),
            'expires_in': mode.get('expires', 3599),
            'token_type': 'Bearer'}).encode()
        self.answer(mode.get('status', 200), body, mode.get('chunked'))

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.path == '/mode':
            with lock:
                modes.update(json.loads(raw))
            self.answer(200, b'{}')
            return
        account, wrong = '?', 'path or type'
        if (self.path == urllib.parse.urlsplit(URL).path
                and self.headers['Content-Type']
                == 'application/x-www-form-urlencoded'):
            form = dict(urllib.parse.parse_qsl(raw.decode()))
            try:
                account, wrong = (user(form) if 'refresh_token' in form
                                  else assertion(form))
            except Exception as e:
                wrong = repr(e)
        self.token(account, wrong, raw)

    def do_GET(self):
        if self.path == '/ledger':
            with lock:
                body = json.dumps(ledger).encode()
            self.answer(200, body)
            return
        good = (self.path == '/computeMetadata/v1/instance/service-accounts'
                '/default/token' and self.headers['Metadata-Flavor']
                == 'Google')
        self.token('metadata', '' if good else 'path or flavour', b'')


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


server = Server(('127.0.0.1', PORT), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
