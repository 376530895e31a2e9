"""Changes bytes and sees whether it is found, and where.

    python tamper.py files FOLDER PLACES SEED       every file of a folder of evidence, PLACES places in each
    python tamper.py backup FILE PASSPHRASE PLACES SEED
    python tamper.py log BODY SEED                  rows of a stopped body's log (SQLite), by `tambo check`
    python tamper.py documents BODY SEED            files of its documents, by `tambo check --deep`
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from visitor import chance

TAMBO = os.environ["TAMBO_TESTED"]
# Files verified by one start of the program.
BATCH = 40


def run(*arguments):
    done = subprocess.run([TAMBO, *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode >= 0, f"{arguments}: ended by signal {-done.returncode}"
    assert "panicked" not in done.stderr, f"{arguments}: {done.stderr[-2000:]}"
    return done.returncode, done.stdout, done.stderr


def spread(size, places, dice):
    """First and last byte, and the rest in strides with a seeded start within each stride."""
    if size <= places:
        return list(range(size))
    stride = size / places
    inner = {int(at * stride + dice.random() * stride) for at in range(places)}
    return sorted({0, size - 1} | {min(place, size - 1) for place in inner})


def changed(data, place, dice):
    copy = bytearray(data)
    copy[place] ^= 1 << dice.randrange(8)
    return bytes(copy)


def reports(text):
    """Verdict and failed steps of each file in the output of `tambo verify`."""
    found, name, steps = {}, None, []
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name, steps = line.rsplit(" (", 1)[0], []
        elif line.strip() in ("VALID", "UNDECIDED", "INVALID"):
            found[name] = (line.strip(), steps)
        elif line.startswith(("  WRONG ", "  open ")):
            steps.append(line[8:].strip())
    return found


def files(folder, places, seed):
    trust = os.path.join(folder, "trust")
    names = sorted(name for name in os.listdir(folder) if name.endswith((".pdf", ".asice", ".tlog-proof")))
    assert names, f"no evidence in {folder}"
    flips, missed = 0, []
    for name in names:
        dice = chance(f"{seed} {name.rsplit('-', 1)[-1]}")
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        wanted = spread(len(data), places, dice)
        for start in range(0, len(wanted), BATCH):
            with tempfile.TemporaryDirectory() as scratch:
                copies = {}
                for place in wanted[start : start + BATCH]:
                    path = os.path.join(scratch, f"{place}-{name}")
                    with open(path, "wb") as file:
                        file.write(changed(data, place, dice))
                    copies[path] = place
                status, out, _ = run("verify", "--trust", trust, *copies)
                told = reports(out)
                assert set(told) == set(copies), f"not every file has a report: {set(copies) ^ set(told)}"
                for path, place in copies.items():
                    verdict, steps = told[path]
                    flips += 1
                    if verdict == "VALID":
                        missed.append(f"{name} byte {place}: called valid")
                    elif not any(steps):
                        missed.append(f"{name} byte {place}: {verdict}, but not where")
                    else:
                        assert status != 0, f"{name} byte {place}: {verdict} with status 0"
    print(f"{flips} changed bytes in {len(names)} files, {flips - len(missed)} found")
    return missed


def backup(path, passphrase, places, seed):
    with open(path, "rb") as file:
        data = file.read()
    dice = chance(seed)
    missed, flips = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        copy = os.path.join(scratch, "copy.tambo")
        wanted = spread(len(data), places, dice)
        for what, content in [(f"byte {place}", changed(data, place, dice)) for place in wanted] + [
            ("cut by one byte", data[:-1]),
            ("cut in the middle", data[: len(data) // 2]),
            ("a byte more", data + b"\0"),
        ]:
            with open(copy, "wb") as file:
                file.write(content)
            status, out, _ = run("verify", "--passphrase-file", passphrase, copy)
            verdict, steps = reports(out)[copy]
            flips += 1
            if status == 0 or verdict == "VALID" or not any(steps):
                missed.append(f"backup {what}: {verdict} {steps}")
    print(f"{flips} changes of a backup of {len(data)} bytes, {flips - len(missed)} found")
    return missed


def check(body, *more):
    return run("check", "--config", os.path.join(body, "settings.toml"), "--brief", *more)


def log(body, seed):
    """Each change is put back before the next, so that exactly one thing is wrong at a time."""
    dice = chance(seed)
    path = os.path.join(body, "store.db")
    status, out, _ = check(body)
    assert status == 0, out
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = store.execute("SELECT count(*) FROM trust_log_entry WHERE idx IS NOT NULL").fetchone()[0]
    assert size > 2, f"only {size} entries"
    missed, tried = [], 0

    def found(what, pattern):
        nonlocal tried
        tried += 1
        status, out, error = check(body)
        told = [line for line in out.splitlines() if line.startswith("PROBLEM")]
        # Damage that keeps the log from opening at all is told by the error that ends the command.
        told += [line for line in error.splitlines() if "log is damaged" in line]
        if status == 0 or not any(re.search(pattern, line) for line in told):
            missed.append(f"{what}: status {status}, told {told[:3]}")

    for column in ("leaf", "salt", "digest", "about"):
        wanted = f"SELECT idx, {column} FROM trust_log_entry WHERE idx IS NOT NULL AND {column} IS NOT NULL ORDER BY idx"
        rows = store.execute(wanted).fetchall()
        for index, value in dice.sample(rows, min(3, len(rows))):
            wrong = changed(value, dice.randrange(len(value)), dice)
            store.execute(f"UPDATE trust_log_entry SET {column} = ? WHERE idx = ?", (wrong, index))
            found(f"{column} of entry {index}", rf"entry {index}\b")
            store.execute(f"UPDATE trust_log_entry SET {column} = ? WHERE idx = ?", (value, index))
    index = dice.randrange(size)
    row = store.execute("SELECT * FROM trust_log_entry WHERE idx = ?", (index,)).fetchone()
    store.execute("DELETE FROM trust_log_entry WHERE idx = ?", (index,))
    found(f"entry {index} deleted", rf"entry {index}\b")
    store.execute(f"INSERT INTO trust_log_entry VALUES ({','.join('?' * len(row))})", row)
    first, second = sorted(dice.sample(range(size), 2))
    for one, other in ((first, -1), (second, first), (-1, second)):
        store.execute("UPDATE trust_log_entry SET idx = ? WHERE idx = ?", (other, one))
    found(f"entries {first} and {second} exchanged", rf"entry {first}\b")
    for one, other in ((first, -1), (second, first), (-1, second)):
        store.execute("UPDATE trust_log_entry SET idx = ? WHERE idx = ?", (other, one))
    level, pos, hashes = dice.choice(store.execute("SELECT level, pos, hashes FROM trust_log_tile").fetchall())
    wrong = changed(hashes, dice.randrange(len(hashes)), dice)
    store.execute("UPDATE trust_log_tile SET hashes = ? WHERE level = ? AND pos = ?", (wrong, level, pos))
    found(f"tile {level}/{pos}", r"tile|entry")
    store.execute("UPDATE trust_log_tile SET hashes = ? WHERE level = ? AND pos = ?", (hashes, level, pos))
    size_of, note = dice.choice(store.execute("SELECT size, note FROM trust_log_checkpoint").fetchall())
    at = note.index("\n", note.index("\n") + 1) + 5
    wrong = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
    store.execute("UPDATE trust_log_checkpoint SET note = ? WHERE size = ?", (wrong, size_of))
    found(f"checkpoint {size_of}", rf"checkpoint {size_of}\b|last checkpoint")
    store.execute("UPDATE trust_log_checkpoint SET note = ? WHERE size = ?", (note, size_of))
    store.close()
    status, out, _ = check(body)
    assert status == 0, f"all was put back, and yet: {out}"
    print(f"{tried} changes in a log of {size} entries, {tried - len(missed)} found and named")
    return missed


def documents(body, seed):
    dice = chance(seed)
    found, missed = 0, []
    paths = [os.path.join(at, name) for at, _, names in os.walk(os.path.join(body, "documents")) for name in names]
    assert paths, "no documents"
    for path in dice.sample(sorted(paths), min(4, len(paths))):
        kept = path + ".kept"
        shutil.copy2(path, kept)
        with open(path, "rb") as file:
            data = file.read()
        os.chmod(path, 0o600)
        with open(path, "wb") as file:
            file.write(changed(data, dice.randrange(len(data)), dice))
        status, out, _ = check(body, "--deep")
        os.replace(kept, path)
        if status == 0 or not re.search(r"PROBLEM +documents", out):
            missed.append(f"{path}: status {status}")
        found += 1
    status, out, _ = check(body, "--deep")
    assert status == 0, out
    print(f"{found} changed documents, {found - len(missed)} found")
    return missed


def main():
    what, *rest = sys.argv[1:]
    if what == "files":
        missed = files(rest[0], int(rest[1]), rest[2])
    elif what == "backup":
        missed = backup(rest[0], rest[1], int(rest[2]), rest[3])
    elif what == "log":
        missed = log(rest[0], rest[1])
    else:
        missed = documents(rest[0], rest[1])
    for line in missed[:30]:
        print(f"MISSED {line}")
    sys.exit(1 if missed else 0)


main()
