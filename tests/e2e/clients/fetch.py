"""Posts a file to the mock server through one of several TLS libraries: fetch.py HOW FILE URL

HOW: pycurl, pyopenssl, pyopenssl-memory (the ciphertext is moved here), or the path of a libssl whose own
functions are called.
"""
import ctypes
import glob
import io
import os
import socket
import sys
import urllib.parse


def request(url, body):
    u = urllib.parse.urlsplit(url)
    lines = (f"POST {u.path} HTTP/1.1", f"host: {u.netloc}", "content-type: application/json",
             "anthropic-version: 2023-06-01", f"x-api-key: {os.environ['ANTHROPIC_API_KEY']}", "connection: close",
             f"content-length: {len(body)}", "", "")
    return "\r\n".join(lines).encode() + body


def by_pycurl(url, body):
    import pycurl

    answer, c = io.BytesIO(), pycurl.Curl()
    c.setopt(c.URL, url)
    c.setopt(c.CAINFO, os.environ["SSL_CERT_FILE"])
    c.setopt(c.POSTFIELDS, body)
    c.setopt(c.HTTPHEADER, ["content-type: application/json", "anthropic-version: 2023-06-01",
                            "x-api-key: " + os.environ["ANTHROPIC_API_KEY"]])
    c.setopt(c.WRITEDATA, answer)
    c.perform()
    return answer.getvalue()


def by_pyopenssl(sock, data, in_memory):
    from OpenSSL import SSL

    conn = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None if in_memory else sock)
    conn.set_connect_state()

    def call(function, *args):
        while True:
            try:
                result = function(*args)
                waits = False
            except SSL.WantReadError:
                waits = True
            if in_memory:
                try:
                    sock.sendall(conn.bio_read(65536))
                except SSL.WantReadError:
                    pass
            if not waits:
                return result
            if in_memory and (received := sock.recv(65536)):
                conn.bio_write(received)
            elif in_memory:
                conn.bio_shutdown()

    call(conn.do_handshake)
    call(conn.send, data)
    answer = b""
    while True:
        try:
            answer += call(conn.recv, 65536)
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return answer


def by_functions(path, sock, data):
    for crypto in glob.glob(os.path.dirname(path) + "/libcrypto*"):
        ctypes.CDLL(crypto, mode=ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(path)

    def call(name, *args, result=ctypes.c_int):
        function = getattr(lib, name)
        function.restype = result
        return function(*args)

    pointer = ctypes.c_void_p
    context = pointer(call("SSL_CTX_new", pointer(call("TLS_client_method", result=pointer)), result=pointer))
    ssl = pointer(call("SSL_new", context, result=pointer))
    done = ctypes.c_size_t(0)
    buffer = ctypes.create_string_buffer(65536)
    answer = b""
    assert call("SSL_set_fd", ssl, sock.fileno()) == 1 and call("SSL_connect", ssl) == 1
    assert call("SSL_write_ex", ssl, data, ctypes.c_size_t(len(data)), ctypes.byref(done)) == 1
    while (n := call("SSL_read", ssl, buffer, len(buffer))) > 0:
        answer += buffer.raw[:n]
    call("SSL_free", ssl, result=None)
    return answer


how, name, url = sys.argv[1:]
with open(name, "rb") as f:
    content = f.read()
if how == "pycurl":
    sys.stdout.buffer.write(by_pycurl(url, content))
    sys.exit()
with socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(url).port)) as s:
    raw = request(url, content)
    whole = by_pyopenssl(s, raw, how.endswith("memory")) if how.startswith("pyopenssl") else by_functions(how, s, raw)
sys.stdout.buffer.write(whole.split(b"\r\n\r\n", 1)[1])
