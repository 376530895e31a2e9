"""Prints the first of N free loopback ports in a row. Below 32768: above it the system gives ports to clients."""

import os
import random
import socket
import sys


def free(port):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main():
    count = int(sys.argv[1])
    chance = random.Random(os.getpid() * 7919 + os.times().elapsed.__hash__())
    for _ in range(200):
        first = chance.randrange(12_000, 32_000 - count, 10)
        if all(free(first + step) for step in range(count)):
            print(first)
            return
    sys.exit("no free ports")


main()
