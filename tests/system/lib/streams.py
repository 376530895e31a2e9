"""What the test of large bodies needs besides curl.

    python streams.py noise BYTES                          as many bytes that rest_provider.py gives under /noise
    python streams.py questions FOLDER                     how many questions a body's journal holds, by outcome
    python streams.py send PORT TARGET CLIENT BYTES HOW    sends a body badly and prints what the node answers
"""

import glob
import socket
import sqlite3
import sys
import time

PIECE = 8192


def noise(size):
    from noise import PIECE as step, noise as piece_at

    for at in range(0, size, step):
        sys.stdout.buffer.write(piece_at(at)[: size - at])


def questions(folder):
    total = {}
    for place in glob.glob(f"{folder}/*.db") + glob.glob(f"{folder}/*/*.db"):
        base = sqlite3.connect(f"file:{place}?mode=ro", uri=True, timeout=10)
        if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'exchange_question'").fetchone():
            total.update(base.execute("SELECT outcome, COUNT(*) FROM exchange_question GROUP BY outcome"))
    print(" ".join(f"{outcome}={count}" for outcome, count in sorted(total.items())) or "none")


def send(port, target, client, size, how):
    """HOW: slowly (16 pieces a second), stands (half, then silence), holds (half, and waits to be killed)."""
    line = socket.create_connection(("127.0.0.1", int(port)), timeout=60)
    size = int(size)
    head = f"POST {target} HTTP/1.1\r\nHost: node\r\nX-Road-Client: {client}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    line.sendall(head.encode())
    upto = size if how == "slowly" else size // 2
    for at in range(0, upto, PIECE):
        line.sendall(bytes(min(PIECE, upto - at)))
        if how == "slowly":
            time.sleep(1 / 16)
    if how == "holds":
        print("half", flush=True)
        time.sleep(60)
        return
    began, said = time.monotonic(), b""
    while piece := line.recv(65536):
        said += piece
    print(said.decode("latin-1"))
    print(f"after {time.monotonic() - began:.1f} s")


command, *rest = sys.argv[1:]
{"noise": lambda size: noise(int(size)), "questions": questions, "send": send}[command](*rest)
