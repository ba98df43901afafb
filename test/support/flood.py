"""Connections by the thousand, as a process of their own: flood.py PORT COUNT [HEAD]. Prints `open N`; closes them when stdin ends."""
import resource
import socket
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
head = (sys.argv[3] if len(sys.argv) > 3 else "").encode().decode("unicode_escape").encode()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
sockets = []
for _ in range(count):
    try:
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        if head:
            client.sendall(head)
        sockets.append(client)
    except OSError:
        break
print("open", len(sockets), flush=True)
sys.stdin.read()
