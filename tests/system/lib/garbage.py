"""Sends noise to a port: random bytes, beginnings of TLS, cut messages. Seeded.   python garbage.py PORT TURNS"""

import socket
import sys

from visitor import chance

STARTS = (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x01\xff\xff", b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n")


def main():
    port, turns = int(sys.argv[1]), int(sys.argv[2])
    dice, answered = chance(port), 0
    for turn in range(turns):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.settimeout(0.2)
            try:
                line.sendall(STARTS[turn % len(STARTS)] + dice.randbytes(dice.randrange(0, 3_000)))
                answered += bool(line.recv(100))
            except OSError:
                pass
    print(f"     {turns} times noise at port {port}, {answered} of them answered")


main()
